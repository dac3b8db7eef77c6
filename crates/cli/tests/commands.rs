//! The command against a whole suite: signing in, calling, errors, events, and a folder with bad rows.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

mod support;

use serde_json::json;
use support::{Suite, figure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test(flavor = "multi_thread")]
async fn the_command_serves_a_newcomer_and_a_script() {
    // Everything that the help promises must work on a suite as `tessera up` starts it.
    let suite = Suite::start().await;
    signs_in_by_itself(&suite).await;
    limits_guessing_but_not_work(&suite).await;
    calls_by_short_names(&suite).await;
    fails_with_reason_code_and_next_command(&suite).await;
    renews_an_access_token(&suite).await;
    takes_a_token_from_the_environment(&suite).await;
    tells_what_runs(&suite).await;
    imports_what_makes_sense(&suite).await;
    shows_events(&suite).await;
    signs_out(&suite).await;
    suite.stop().await;
}

async fn signs_in_by_itself(suite: &Suite) {
    let me = suite.run(&["whoami"]).await;
    assert!(me.stderr.contains("signed in"), "{me:#?}");
    let me = me.ok();
    assert_eq!((me["tenant"].as_str(), me["currency"].as_str()), (Some("demo"), Some("EUR")));
    let token = suite.run(&["whoami", "--token"]).await;
    assert_eq!(
        (token.exit, token.stdout.trim().split('.').count()),
        (0, 3),
        "a JWT and nothing else: {token:#?}"
    );
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(suite.path("demo.toml")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
}

/// The head of an answer of the gateway, in small letters.
async fn head_of(suite: &Suite, request: String) -> String {
    let address = suite.address().trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split("\r\n\r\n").next().unwrap().to_ascii_lowercase()
}

async fn limits_guessing_but_not_work(suite: &Suite) {
    // What methods declare holds here as it does in front of a cluster; the hours of a plan do not.
    let asked = "host: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n";
    let body = r#"{"email": "nobody@nowhere.example", "password": "a guess of mine"}"#;
    let login =
        format!("POST /api/v1/auth:login HTTP/1.1\r\n{asked}content-length: {}\r\n\r\n{body}", body.len());
    let head = head_of(suite, login).await;
    assert!(head.starts_with("http/1.1 401") && head.contains("ratelimit-limit: 30\r\n"), "{head}");
    assert!(head.contains("ratelimit-policy: 600;w=60, 30;w=60"), "{head}");
    let token = suite.run(&["whoami", "--token"]).await.stdout.trim().to_owned();
    let list = format!("GET /api/v1/accounts HTTP/1.1\r\n{asked}authorization: Bearer {token}\r\n\r\n");
    let head = head_of(suite, list).await;
    assert!(head.starts_with("http/1.1 200") && !head.contains("ratelimit-"), "{head}");
}

async fn calls_by_short_names(suite: &Suite) {
    let account =
        json!({"account": {"display_name": "Acme", "code": "ACME", "type": "ACCOUNT_TYPE_CUSTOMER"}});
    let path = suite.write("account.json", account.to_string());
    let made = suite.run(&["call", "crm.CreateAccount", "-d", &format!("@{}", path.display())]).await;
    assert!(made.stderr.contains("request_id: "), "{made:#?}");
    let made = made.ok();
    assert_eq!(made["displayName"], "Acme");

    let request = json!({"id": made["id"]}).to_string();
    let got = suite.run_as("demo", &["call", "erp.crm.v1.AccountService/GetAccount", "@-"], &request).await;
    assert_eq!(got.ok()["code"], "ACME");

    let listed =
        suite.run(&["call", "ListAccounts", r#"{"filter": "code = \"ACME\""}"#, "-o", "table"]).await;
    assert_eq!(listed.exit, 0, "{listed:#?}");
    assert!(listed.stdout.contains("displayName") && listed.stdout.contains("Acme"), "{listed:#?}");

    let dry = suite.run(&["call", "crm.CreateAccount", &account.to_string(), "--dry-run"]).await.ok();
    assert_eq!(dry["method"], "erp.crm.v1.AccountService/CreateAccount");
    assert_eq!(dry["request"]["account"]["displayName"], "Acme");
    assert!(dry["request"]["requestId"].is_string());
}

async fn fails_with_reason_code_and_next_command(suite: &Suite) {
    let missing =
        suite.run(&["call", "crm.GetAccount", r#"{"id": "00000000-0000-7000-8000-000000000000"}"#]).await;
    assert_eq!(missing.exit, 15, "{missing:#?}");
    assert!(missing.stdout.is_empty(), "{missing:#?}");
    assert!(missing.stderr.contains("request id: "), "{missing:#?}");
    assert!(
        missing.stderr.contains("next: tessera call erp.crm.v1.AccountService/ListAccounts"),
        "{missing:#?}"
    );

    let invalid = suite.run(&["call", "crm.CreateAccount", r#"{"account": {"display_name": ""}}"#]).await;
    assert_eq!(invalid.exit, 13, "{invalid:#?}");
    assert!(invalid.stderr.contains("account.display_name"), "{invalid:#?}");

    let taken = suite
        .run(&["call", "crm.CreateAccount", r#"{"account": {"display_name": "B", "code": "ACME"}}"#])
        .await;
    assert_eq!(taken.exit, 16, "{taken:#?}");

    let typo = suite.run(&["call", "crm.ListAcounts"]).await;
    assert_eq!(typo.exit, 2, "{typo:#?}");
    assert!(typo.stderr.contains("did you mean crm.ListAccounts"), "{typo:#?}");

    let malformed = suite.run(&["call", "crm.ListAccounts", r#"{"page_size": "many"}"#]).await;
    assert_eq!(malformed.exit, 2, "{malformed:#?}");
    assert!(malformed.stderr.contains("page_size"), "{malformed:#?}");

    let nowhere = suite.run(&["--address", "http://127.0.0.1:1", "call", "crm.ListAccounts"]).await;
    assert_eq!(nowhere.exit, 24, "{nowhere:#?}");
    assert!(nowhere.stderr.contains("next: tessera status"), "{nowhere:#?}");
}

async fn renews_an_access_token(suite: &Suite) {
    // One that ran out, and one that is refused: both are renewed, and the new pair is kept.
    let path = suite.path("demo.toml");
    let stored = std::fs::read_to_string(&path).unwrap();
    let token_line =
        |text: &str| text.lines().find(|line| line.starts_with("access_token")).unwrap().to_owned();
    let expiry = stored.lines().find(|line| line.starts_with("access_expire_time")).unwrap();
    std::fs::write(&path, stored.replace(expiry, "access_expire_time = \"2020-01-01T00:00:00Z\"")).unwrap();
    suite.run(&["whoami"]).await.ok();
    let renewed = std::fs::read_to_string(&path).unwrap();
    assert_ne!(token_line(&stored), token_line(&renewed));
    std::fs::write(&path, renewed.replace(&token_line(&renewed), "access_token = \"nonsense\"")).unwrap();
    suite.run(&["whoami"]).await.ok();
    let again = std::fs::read_to_string(&path).unwrap();
    assert!(!again.contains("nonsense"), "{again}");
}

async fn takes_a_token_from_the_environment(suite: &Suite) {
    let refused = suite.run_as("nobody", &["--address", suite.address(), "whoami"], "").await;
    // Nobody is signed in there, so that the demo login is used.
    assert_eq!(refused.exit, 0, "{refused:#?}");
    let public = suite.run_as("nobody", &["call", "identity.GetJwks"], "").await.ok();
    assert!(public["keys"].is_array());
}

async fn tells_what_runs(suite: &Suite) {
    let status = suite.run(&["status"]).await.ok();
    assert_eq!(status["health"], "serving");
    assert_eq!(status["gateway"], suite.address());
    let doctor = suite.run(&["doctor"]).await;
    assert!([0, 3].contains(&doctor.exit), "{doctor:#?}");
    let findings = doctor.json();
    let of =
        |name: &str| findings.as_array().unwrap().iter().find(|one| one["check"] == name).unwrap().clone();
    assert_eq!(of("process")["level"], "ok", "{findings:#}");
    assert_eq!(of("login")["level"], "ok");
    assert!(suite.run(&["describe", "orders.PlaceOrder"]).await.ok()["fields"].is_array());
}

async fn imports_what_makes_sense(suite: &Suite) {
    // Bad rows are listed with file, line and reason; the rest is loaded, once, and reconciles.
    let signed_up = suite
        .run_as(
            "north",
            &[
                "login",
                "ada@north.example",
                "--sign-up",
                "--tenant",
                "north",
                "--company",
                "North",
                "--currency",
                "USD",
                "--password-stdin",
                "--address",
                suite.address(),
            ],
            "a password of some length\n",
        )
        .await;
    assert_eq!(signed_up.ok()["tenant"], "north");
    write_folder(suite);
    let folder = suite.path("tiny").display().to_string();
    let errors = suite.path("errors.csv");
    let arguments = ["import", "northwind", "--from", &folder, "--errors", errors.to_str().unwrap()];
    let strict = suite.run_as("north", &[&arguments[..], &["--strict"]].concat(), "").await;
    assert_eq!(strict.exit, 3, "{strict:#?}");
    let first = suite.run_as("north", &arguments, "").await;
    assert!(first.stderr.contains("order_details.csv:5: unknown product 99"), "{first:#?}");
    assert!(first.stderr.contains("orders.csv:4: order_date is `1996-13-01`"), "{first:#?}");
    assert!(std::fs::read_to_string(&errors).unwrap().contains("unknown product 99"));
    let first = first.ok();
    assert_eq!((&first["placed"], &first["refused"]), (&json!(2), &json!(3)), "{first:#}");
    // 12 x 14.40 x 0.85 = 146.88, 3 x 2.55 = 7.65, 1 x 18.00
    assert_eq!(figure(&first, "revenue, net of discount"), ("172.53".to_owned(), "172.53".to_owned()));
    assert_eq!(figure(&first, "freight").1, "33.38");
    assert_eq!(figure(&first, "invoices").1, "2");
    assert_eq!(figure(&first, "stock left, at cost").1, "712.00");
    assert_eq!(figure(&first, "trial balance difference").1, "0.00");

    let second = suite.run_as("north", &arguments, "").await.ok();
    assert_eq!(second["placed"], 0, "{second:#}");
    assert_eq!(second["figures"], first["figures"]);
    let filter = json!({"show_total_size": true, "page_size": 1}).to_string();
    for (method, total) in [
        ("crm.ListAccounts", "2"),
        ("crm.ListContacts", "2"),
        ("catalog.ListProducts", "2"),
        ("orders.ListOrders", "2"),
        ("finance.ListInvoices", "2"),
    ] {
        let listed = suite.run_as("north", &["call", method, &filter], "").await.ok();
        assert_eq!(listed["totalSize"], total, "{method}: {listed:#}");
    }
}

/// A folder as small as can be, with an order of each kind.
fn write_folder(suite: &Suite) {
    let write = |name: &str, text: &str| suite.write(&format!("tiny/{name}"), text);
    write(
        "customers.csv",
        "customer_id,company_name,contact_name,contact_title,address,city,region,postal_code,country,phone,fax\nAAA,Alpha,Ann Lee,Owner,1 Road,Berlin,,10115,Germany,030-1,\n",
    );
    write(
        "suppliers.csv",
        "supplier_id,company_name,contact_name,contact_title,country\n1,Vendor One,Vera Vent,Boss,UK\n",
    );
    write("categories.csv", "category_id,category_name,description\n1,Meat/Poultry,Prepared meats\n");
    write(
        "products.csv",
        "product_id,product_name,supplier_id,category_id,quantity_per_unit,unit_price,units_in_stock,units_on_order,reorder_level,discontinued\n1,Chai,1,1,10 boxes,18.00,39,0,10,1\n2,Tea,1,1,1 box,2.50,4,0,0,0\n",
    );
    write("shippers.csv", "shipper_id,company_name,phone\n1,Fast,\n");
    write(
        "orders.csv",
        "order_id,customer_id,employee_id,order_date,required_date,shipped_date,ship_via,freight,ship_name,ship_address,ship_city,ship_region,ship_postal_code,ship_country\n10,AAA,5,1996-07-04,,,1,32.38,Alpha,1 Road,Berlin,,10115,Germany\n11,AAA,5,1996-07-05,,,1,1.00,,,,,,\n12,AAA,5,1996-13-01,,,1,1.00,,,,,,\n13,AAA,5,1996-07-06,,,,0,,,,,,\n",
    );
    write(
        "order_details.csv",
        "order_id,product_id,unit_price,quantity,discount\n10,1,14.40,12,0.15\n10,2,2.55,3,0\n11,1,18.00,1,0\n13,99,1.00,1,0\n",
    );
}

async fn shows_events(suite: &Suite) {
    let tail =
        suite.run_as("north", &["events", "tail", "--since", "1000", "--type", "order.completed"], "").await;
    assert_eq!(tail.exit, 0, "{tail:#?}");
    let lines: Vec<serde_json::Value> =
        tail.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{tail:#?}");
    assert!(lines.iter().all(|event| event["eventType"] == "order.completed"));
    let dead = suite.run_as("north", &["events", "dead-letters"], "").await.ok();
    assert_eq!(dead, json!([]), "{dead:#}");
    let replay =
        suite.run_as("north", &["events", "replay", "00000000-0000-7000-8000-000000000000"], "").await;
    assert_eq!(replay.exit, 1, "{replay:#?}");
}

async fn signs_out(suite: &Suite) {
    assert_eq!(suite.run_as("north", &["logout"], "").await.exit, 0);
    assert!(!suite.path("north.toml").exists());
    let wrong = suite
        .run_as(
            "north",
            &[
                "login",
                "ada@north.example",
                "--tenant",
                "north",
                "--password-stdin",
                "--address",
                suite.address(),
            ],
            "not the password\n",
        )
        .await;
    assert_eq!(wrong.exit, 26, "{wrong:#?}");
    assert!(wrong.stderr.contains("CREDENTIALS_WRONG"), "{wrong:#?}");
}
