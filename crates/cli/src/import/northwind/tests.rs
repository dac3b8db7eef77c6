use super::*;

const CUSTOMERS: &str =
    "customer_id,company_name,contact_name,contact_title,address,city,region,postal_code,country,phone,fax
AAA,Alpha & Sons,Ann Lee,Owner,1 Road,Berlin,,10115,Germany,030-1,
BBB,Beta,Cher,,,,,,,,
CCC,Gamma,Bo Bo,,x,y,,1,Atlantis,,
";
const SUPPLIERS: &str =
    "supplier_id,company_name,contact_name,contact_title,country\n1,Vendor One,Vera Vent,Boss,UK\n";
const CATEGORIES: &str = "category_id,category_name,description\n1,Meat/Poultry,Prepared meats\n";
const PRODUCTS: &str = "product_id,product_name,supplier_id,category_id,quantity_per_unit,unit_price,units_in_stock,units_on_order,reorder_level,discontinued
1,Chai,1,1,10 boxes,18.00,39,0,10,1
2,Tea,1,1,1 box,2.50,0,0,0,0
3,Ghost,9,1,,1.00,1,0,0,0
4,Cheap,1,1,,-1.00,1,0,0,0
";
const SHIPPERS: &str = "shipper_id,company_name,phone\n1,Fast,\n";
const ORDERS: &str = "order_id,customer_id,employee_id,order_date,required_date,shipped_date,ship_via,freight,ship_name,ship_address,ship_city,ship_region,ship_postal_code,ship_country
10,AAA,5,1996-07-04,1996-08-01,1996-07-16,1,32.38,Alpha,1 Road,Berlin,,10115,Germany
11,ZZZ,5,1996-07-04,,,1,1.00,,,,,,
12,AAA,5,1996-02-30,,,1,1.00,,,,,,
13,BBB,5,1996-07-05,,,1,0.00,,,,,,
14,AAA,5,1996-07-06,,,7,0.00,,,,,,
15,AAA,5,1996-07-07,,,,0.00,,,,,,
10,AAA,5,1996-07-04,,,1,32.38,,,,,,
16,AAA,5,1996-07-08,,,1,0.50,,,,,,
";
const DETAILS: &str = "order_id,product_id,unit_price,quantity,discount
10,1,14.40,12,0.15
10,2,2.55,3,0
13,1,14.40,-5,0
13,2,2.50,1,0
16,99,1.00,1,0
77,1,1.00,1,0
15,2,2.50,1,1.5
";

fn read_of(orders: &str, rows: Option<usize>) -> Read {
    let sheet = |file: &str, text: &str| Sheet::parse(file, text.as_bytes(), &[]);
    let sheets = Sheets {
        customers: sheet("customers.csv", CUSTOMERS),
        suppliers: sheet("suppliers.csv", SUPPLIERS),
        categories: sheet("categories.csv", CATEGORIES),
        products: sheet("products.csv", PRODUCTS),
        shippers: sheet("shippers.csv", SHIPPERS),
        orders: sheet("orders.csv", orders),
        details: sheet("order_details.csv", DETAILS),
    };
    plan(&sheets, Options { currency: Currency::parse("USD", "currency").unwrap(), rows })
}

#[test]
fn bad_rows_are_listed_with_their_reason() {
    // Each kind of nonsense has its own words, and is found by file and line.
    let problems: Vec<String> = read_of(ORDERS, None).problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "customers.csv:4: country is `Atlantis`, which is no known country or ISO 3166 code",
            "order_details.csv:4: quantity is not more than zero: -5",
            "order_details.csv:6: unknown product 99",
            "order_details.csv:7: unknown order `77`",
            "order_details.csv:8: discount is more than 1: 1.5",
            "orders.csv:3: unknown customer ZZZ",
            "orders.csv:4: order_date is `1996-02-30`, which is no day like 1996-07-04",
            "orders.csv:5: order 13 is left out: line 4 of order_details.csv was refused",
            "orders.csv:6: unknown shipper 7",
            "orders.csv:7: order 15 is left out: line 8 of order_details.csv was refused",
            "orders.csv:8: order_id 10 stands in line 2 already",
            "orders.csv:9: order 16 is left out: line 6 of order_details.csv was refused",
            "products.csv:4: unknown supplier 9",
            "products.csv:5: unit_price is negative: -1.00",
        ]
    );
}

#[test]
fn good_rows_become_a_plan() {
    // What the reader understood is what the tenant will hold.
    let plan = read_of(ORDERS, None).plan;
    let codes: Vec<&str> = plan.accounts.iter().map(|row| row.value.code()).collect();
    assert_eq!(codes, ["AAA", "BBB", "VENDOR-1"]);
    let ann = &plan.accounts[0].value;
    assert_eq!(ann.account.billing_address.as_ref().unwrap().region_code, "DE");
    assert_eq!((ann.contacts[0].given_name.as_str(), ann.contacts[0].family_name.as_str()), ("Ann", "Lee"));
    assert_eq!(plan.accounts[1].value.contacts[0].given_name, "Cher");
    assert_eq!(plan.categories[0].value.slug, "meat-poultry");
    let order = &plan.orders[0].value;
    assert_eq!(plan.orders.len(), 1);
    assert_eq!(order.reference, "northwind:10");
    // 12 x 14.40 x 0.85 = 146.88 and 3 x 2.55 = 7.65
    assert_eq!(order.net().unwrap().minor, 14_688 + 765);
    assert_eq!(order.freight.minor, 3_238);
}

#[test]
fn the_opening_stock_is_what_the_orders_take_and_what_is_left() {
    // Less would make orders fail, more would not be what the file says is on hand.
    let plan = read_of(ORDERS, None).plan;
    let of = |sku: &str| plan.stock.iter().find(|one| one.sku == sku).unwrap();
    assert_eq!(of("NW-1").quantity, Decimal::from(39 + 12));
    assert_eq!(of("NW-1").reorder_level, Some(Decimal::from(10)));
    assert_eq!(of("NW-2").quantity, Decimal::from(3));
    assert_eq!(of("NW-2").reorder_level, None);
}

#[test]
fn fewer_orders_need_less_stock() {
    // `--rows` is for trying out: it must be whole in itself.
    let plan = read_of(ORDERS, Some(0)).plan;
    assert!(plan.orders.is_empty());
    assert_eq!(plan.stock.iter().find(|one| one.sku == "NW-1").unwrap().quantity, Decimal::from(39));
}
