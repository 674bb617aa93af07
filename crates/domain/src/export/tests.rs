use super::*;

fn read(text: &str) -> Result<Export> {
    Export::read(text.as_bytes(), &Reading::default())
}

fn counts(export: &Export, day: &str, model: &str) -> Counts {
    let found = export.counts.iter().find(|((on, of), _)| on.iso() == day && of == model);
    *found.unwrap_or_else(|| panic!("{day} {model} in {:?}", export.counts)).1
}

/// The message, for a file that is refused with this code.
fn refused(text: &str, code: &str) -> String {
    let error = read(text).expect_err("refused");
    assert_eq!(error.code(), code, "{error}");
    error.message().to_owned()
}

#[test]
fn openai_usage_pages_are_read() {
    let page = r#"{"object":"page","data":[
        {"object":"bucket","start_time":1763510400,"end_time":1763596800,"results":[
            {"object":"organization.usage.completions.result","input_tokens":1000,"output_tokens":500,
             "input_cached_tokens":800,"input_audio_tokens":0,"output_audio_tokens":0,"num_model_requests":5,
             "project_id":null,"user_id":null,"api_key_id":null,"model":"gpt-4o-2024-08-06","batch":null},
            {"object":"organization.usage.completions.result","input_tokens":10,"output_tokens":5,
             "input_cached_tokens":0,"num_model_requests":1,"model":"gpt-4o-2024-11-20"}]},
        {"object":"bucket","start_time":1763596800,"end_time":1763683200,"results":[]}],
        "has_more":true,"next_page":"page_x"}"#;
    let next = r#"{"data":[{"results":[{"num_model_requests":2,"model":"o3","input_tokens":3,"output_tokens":4}],
        "object":"bucket","start_time":1763596800,"end_time":1763683200}]}"#;
    let both = [format!("{page}\n{next}"), format!("[{page},{next}]")];
    for text in &both {
        let export = read(text).unwrap();
        assert_eq!((export.rows, export.cached), (3, Cached::Included));
        let first = counts(&export, "2025-11-19", "gpt-4o");
        assert_eq!(
            (first.requests, first.input, first.cache_read, first.output),
            (6, 1_010, 800, 505)
        );
        assert_eq!(counts(&export, "2025-11-20", "o3").output, 4);
        use Measure::{CacheRead, Input, Output, Requests};
        assert_eq!(export.measures, BTreeSet::from([Requests, Input, CacheRead, Output]));
    }
}

#[test]
fn openai_csv_of_usage_and_of_costs_is_read() {
    let usage = "start_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,user_id,api_key_id,model,\
        batch,service_tier,input_tokens,output_tokens,input_cached_tokens,input_uncached_tokens,input_text_tokens\r\n\
        1763510400,1763596800,2025-11-19T00:00:00+00:00,2025-11-20T00:00:00+00:00,proj_x,3,,,gpt-5-mini-2025-08-07,,,\
        900,90,600,300,900\r\n\
        1763596800,1763683200,2025-11-20T00:00:00+00:00,2025-11-21T00:00:00+00:00,,,,,,,,,,,,\r\n";
    let export = read(usage).unwrap();
    let sum = counts(&export, "2025-11-19", "gpt-5-mini");
    assert_eq!((export.rows, sum.requests, sum.input, sum.cache_read), (1, 3, 900, 600));
    assert!(export.unused.contains(&"api_key_id".to_owned()));
    let costs = "start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item,project_id\n\
        1763510400,1763596800,,,0.895874000000000001,usd,\"gpt-4o-2024-08-06, input\",\n\
        1763510400,1763596800,,,1E-7,usd,\"gpt-4o-2024-08-06, output\",\n";
    let export = read(costs).unwrap();
    assert_eq!(counts(&export, "2025-11-19", "gpt-4o").cost_nano, 895_874_100);
    assert_eq!(export.measures, BTreeSet::from([Measure::Cost]));
    assert_eq!(export.currency.as_deref(), Some("USD"));
    let json = r#"{"data":[{"start_time":1763510400,"end_time":1763596800,"results":[
        {"object":"organization.costs.result","amount":{"value":0.06,"currency":"usd"},"line_item":"o3, input"}]}]}"#;
    assert_eq!(counts(&read(json).unwrap(), "2025-11-19", "o3").cost_nano, 60_000_000);
}

#[test]
fn anthropic_reports_and_csv_are_read() {
    let usage = r#"{"data":[{"starting_at":"2025-11-19T00:00:00Z","ending_at":"2025-11-20T00:00:00Z","results":[
        {"uncached_input_tokens":1500,"cache_creation":{"ephemeral_1h_input_tokens":1000,"ephemeral_5m_input_tokens":500},
         "cache_read_input_tokens":200,"output_tokens":500,"server_tool_use":{"web_search_requests":10},
         "api_key_id":"x","workspace_id":null,"model":"claude-opus-4-5-20251101","service_tier":"standard",
         "context_window":"0-200k"}]}],"has_more":false,"next_page":null}"#;
    let export = read(usage).unwrap();
    let sum = counts(&export, "2025-11-19", "claude-opus-4-5");
    assert_eq!(export.cached, Cached::Apart);
    assert_eq!((sum.input, sum.cache_read, sum.cache_write, sum.output), (3_200, 200, 1_500, 500));
    assert!(!export.measures.contains(&Measure::Requests), "it counts none");
    let csv = "usage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,\
        usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,\
        usage_output_tokens,web_search_count\n\
        2025-11-19,claude-haiku-4-5-20251001,k,Default,message,0-200k,100,20,30,40,5,0\n";
    let sum = counts(&read(csv).unwrap(), "2025-11-19", "claude-haiku-4-5");
    assert_eq!((sum.input, sum.cache_read, sum.cache_write, sum.output), (190, 40, 50, 5));
    // Amounts are hundredths, also before the first row that says of which tokens.
    let costs = r#"{"data":[{"starting_at":"2025-11-19T00:00:00Z","ending_at":"2025-11-20T00:00:00Z","results":[
        {"currency":"USD","amount":"100","description":"Web Search","cost_type":"web_search","model":null,"token_type":null},
        {"currency":"USD","amount":"123.45","cost_type":"tokens","model":"claude-opus-4-5-20251101",
         "token_type":"uncached_input_tokens"}]}]}"#;
    let export = read(costs).unwrap();
    assert_eq!(counts(&export, "2025-11-19", "claude-opus-4-5").cost_nano, 1_234_500_000);
    assert_eq!(counts(&export, "2025-11-19", "").cost_nano, 1_000_000_000);
}

#[test]
fn clouds_with_a_row_for_each_kind_are_read() {
    let azure = "Date;MeterName;Quantity;UnitOfMeasure;CostInBillingCurrency;BillingCurrencyCode\n\
        11/19/2025;gpt-4o-0806-Inp-glbl Tokens;1,5;1K;0,00375;USD\n\
        11/19/2025;gpt-4o-0806-cached-Inp-glbl Tokens;\"0,5\";1K;0,0006;USD\n\
        11/19/2025;gpt-4o-0806-Outp-glbl Tokens;2;1K;0,02;USD\n";
    let models = ["Inp-glbl", "cached-Inp-glbl", "Outp-glbl"];
    let models = models.map(|kind| (format!("gpt-4o-0806-{kind} Tokens"), "gpt-4o".to_owned()));
    let reading = Reading { models: models.into_iter().collect(), ..Reading::default() };
    let export = Export::read(azure.as_bytes(), &reading).unwrap();
    let sum = counts(&export, "2025-11-19", "gpt-4o");
    assert_eq!(
        (sum.input, sum.cache_read, sum.output, sum.cost_nano),
        (2_000, 500, 2_000, 24_350_000)
    );
    let aws = "lineItem/UsageStartDate,lineItem/UsageEndDate,lineItem/UsageType,lineItem/UsageAmount,pricing/unit,\
        lineItem/UnblendedCost,lineItem/CurrencyCode\n\
        2025-11-19T13:00:00Z,2025-11-19T14:00:00Z,EUC1-Nova-input-tokens,12.3456,1K tokens,0.01,USD\n";
    let export = read(aws).unwrap();
    assert_eq!(counts(&export, "2025-11-19", "euc1-nova-input-tokens").input, 12_346);
}

#[test]
fn columns_and_conventions_are_given_by_hand() {
    let text = "Tag\tMaschine\tRein\tRaus\n19.11.2025\tm\t100\t7\n";
    assert!(refused(text, "missing_column").contains("Maschine"));
    let columns = [
        (Column::Day, "Tag"),
        (Column::Model, "Maschine"),
        (Column::Input, "Rein"),
        (Column::Output, "Raus"),
    ];
    let columns = columns.map(|(column, name)| (column, name.to_owned())).into_iter().collect();
    let reading = Reading { columns, usual: Cached::Apart, ..Reading::default() };
    let export = Export::read(text.as_bytes(), &reading).unwrap();
    assert!(export.measures.contains(&Measure::FreshInput), "it says nothing of the cache");
    assert_eq!(counts(&export, "2025-11-19", "m").input, 100);
}

#[test]
fn what_is_wrong_is_said_with_row_and_column_and_without_the_cell() {
    let cell = refused(
        "date,model,input_tokens\n2025-11-19,m,12\n2025-11-19,m,sk-secret\n",
        "invalid_export",
    );
    assert!(
        cell.contains("Row 2 (line 3), column input_tokens") && !cell.contains("secret"),
        "{cell}"
    );
    for (row, column) in [
        ("19/11/2025,m,1", "date"),
        ("1999-01-01,m,1", "date"),
        ("2025-11-19,m,1.5", "input_tokens"),
        ("2025-11-19,m,-1", "input_tokens"),
        ("2025-11-19,m,\"1,5\"", "input_tokens"),
    ] {
        let said = refused(&format!("date,model,input_tokens\n{row}\n"), "invalid_export");
        assert!(said.contains(&format!("column {column}")), "{row}: {said}");
    }
    let week = "start_time,end_time,model,input_tokens\n2025-11-17,2025-11-24,m,1\n";
    assert!(refused(week, "invalid_export").contains("more than one day"));
    let wrong = "date,model,input_tokens,cached_tokens\n2025-11-19,m,5,9\n";
    assert!(refused(wrong, "invalid_export").contains("apart"));
    assert!(
        refused("model,input_tokens\nm,5\n", "missing_column")
            .contains("Row 1 (line 2) has no day")
    );
    for text in ["", " \n", "hello", "{\"data\":[", "[1", "\"a\"b,c\n", "a,\"b\n"] {
        let error = read(text).expect_err(text);
        assert!(
            matches!(error.code(), "unreadable_export" | "unreadable_csv" | "missing_column"),
            "{text}: {error}"
        );
    }
    assert_eq!(
        Export::read(b"\xff\xfe", &Reading::default()).expect_err("").code(),
        "unreadable_export"
    );
    let json =
        r#"{"data":[{"start_time":1763510400,"results":[{"model":"m","input_tokens":"many"}]}]}"#;
    assert!(refused(json, "invalid_export").contains("Row 1, column input_tokens"));
}

#[test]
fn other_currencies_are_named_and_not_compared() {
    let export = read("date,model,cost,currency,output_tokens\n2025-11-19,m,1.5,eur,4\n").unwrap();
    assert_eq!(export.currency.as_deref(), Some("EUR"));
    assert_eq!(export.measures, BTreeSet::from([Measure::Output]));
    refused("date,model,cost,currency\n2025-11-19,m,1,EUR\n2025-11-19,m,1,USD\n", "invalid_export");
    let named = read("date,model,cost_eur,output_tokens\n2025-11-19,m,1.5,4\n").unwrap();
    assert_eq!(named.currency.as_deref(), Some("EUR"));
}

#[test]
fn quoted_cells_and_titles_are_read_as_spreadsheets_write_them() {
    let text = "\u{feff}Usage of November\n\n\"Date\",\"Model\",\"Input Tokens\",\"Requests\"\r\n\
        \"2025-11-19 13:30:00 +02:00\",\"a \"\"b\"\"\n, c\",\"1,234,567\",1\r\n";
    let export = read(text).unwrap();
    assert_eq!(counts(&export, "2025-11-19", "a \"b\"\n, c").input, 1_234_567);
}

#[test]
fn a_hundred_thousand_rows_take_no_more_than_moments() {
    let mut text = String::from(
        "start_time_iso,model,input_tokens,input_cached_tokens,output_tokens,num_model_requests\n",
    );
    for row in 0..100_000_u32 {
        use std::fmt::Write as _;
        let (day, hour) = (row % 28 + 1, row % 24);
        writeln!(text, "2025-11-{day:02}T{hour:02}:00:00+00:00,model-{},1000,800,20,1", row % 50)
            .unwrap();
    }
    let export = read(&text).unwrap();
    assert_eq!(export.rows, 100_000);
    assert_eq!(export.counts.values().map(|sum| sum.input).sum::<i64>(), 100_000_000);
}

#[test]
fn names_of_snapshots_lose_their_dates_only() {
    for (name, is) in [
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("claude-sonnet-4@20250514", "claude-sonnet-4"),
        ("Claude-3-5-Haiku-20241022", "claude-3-5-haiku"),
        ("claude-3-5-haiku-latest", "claude-3-5-haiku"),
        ("models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("mistral-large-2411", "mistral-large-2411"),
        ("gpt-4o-mini", "gpt-4o-mini"),
        ("-2024-08-06", "-2024-08-06"),
        ("é-2024-08-06", "é"),
        ("models/x-20240101-2024-02-03-latest", "x"),
    ] {
        assert_eq!(compared(name), is, "{name}");
    }
}
