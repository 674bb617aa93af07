//! SeaORM entities, private to this crate. One macro writes them, so that an entity of a tenant cannot
//! exist without naming the column that holds its organization.

macro_rules! entity {
    (@ $name:ident $table:tt { $($(#[$meta:meta])* $field:ident: $type:ty),* $(,)? }) => {
        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
        #[sea_orm(table_name = $table)]
        pub struct Model { $($(#[$meta])* pub $field: $type),* }

        #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
        pub enum Relation {}

        impl ActiveModelBehavior for ActiveModel {}
    };
    (deployment $name:ident $table:tt keys { $($key:ident: $key_type:ty),* $(,)? } $({ $($rest:tt)* })?) => {
        #[allow(unreachable_pub, reason = "the derive writes public items")]
        pub(crate) mod $name {
            use sea_orm::entity::prelude::*;
            crate::entity::entity!(@ $name $table {
                $(#[sea_orm(primary_key, auto_increment = false)] $key: $key_type,)* $($($rest)*)?
            });
            impl crate::tenant::Deployed for Entity {}
        }
    };
    (tenant $name:ident $table:tt keys { $($key:ident: $key_type:ty),* $(,)? } { $($rest:tt)* }) => {
        #[allow(unreachable_pub, reason = "the derive writes public items")]
        pub(crate) mod $name {
            use sea_orm::entity::prelude::*;
            crate::entity::entity!(@ $name $table {
                #[sea_orm(primary_key, auto_increment = false)] org_id: Uuid,
                $(#[sea_orm(primary_key, auto_increment = false)] $key: $key_type,)* $($rest)*
            });
            impl crate::tenant::Tenant for Entity {
                const ORG: Column = Column::OrgId;
            }
        }
    };
}

mod of_deployment;
mod of_tenant;

pub(crate) use of_deployment::*;
pub(crate) use of_tenant::*;

/// For the modules that keep their entities beside them.
pub(crate) use entity;
