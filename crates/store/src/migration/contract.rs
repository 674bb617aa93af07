//! A provider's credential names the contract it is used under, and a free tier is none: whoever asks.

use super::Ddl;

/// Says of `contract` that it is named as contracts are, and that no word of it says that nothing is paid.
const PAID: &str = "length(contract) > 0 and '-' || contract || '-' not like '%-free-%' \
     and '-' || contract || '-' not like '%-trial-%'";

pub(super) fn steps(ddl: &mut Ddl) {
    ddl.run("alter table provider add column contract_until {int}");
    // The owner of the tables sees every row only while its own policies do not bind it.
    ddl.postgres("alter table provider no force row level security");
    ddl.run(
        "update provider set contract = case when catalog = 'custom' then 'own' else 'standard' end \
         where contract is null or contract = ''",
    );
    // What nobody can have agreed to stands under a name that nobody knows: nothing is sent there until it is said.
    let plain = "contract not glob '*[^a-z0-9-]*'";
    ddl.sqlite(&format!("update provider set contract = 'unnamed' where not ({PAID} and {plain})"));
    ddl.postgres(&format!(
        "update provider set contract = 'unnamed' where not ({PAID} and contract ~ '^[a-z0-9-]+$')"
    ));
    ddl.postgres("alter table provider force row level security");
    ddl.postgres("alter table provider alter column contract set not null");
    ddl.postgres(&format!(
        "alter table provider add constraint provider_contract check ({PAID} and contract ~ '^[a-z0-9-]+$')"
    ));
    // SQLite takes no condition on a column that is there already.
    let wrong = format!("not ({PAID} and {plain})").replace("contract", "new.contract");
    for act in ["insert", "update"] {
        ddl.sqlite(&format!(
            "create trigger provider_contract_{act} before {act} on provider \
             when new.contract is null or {wrong} \
             begin select raise(abort, 'a provider needs a paid contract'); end"
        ));
    }
}
