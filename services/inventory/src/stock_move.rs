//! What comes in, is counted and is moved between warehouses.

use std::collections::{BTreeMap, BTreeSet};

use contracts::inventory::v1::{
    AdjustStockRequest, AdjustStockResponse, InventoryReason, ReceiveStockRequest, ReceiveStockResponse,
    StockMove, StockMoveApi, StockMoveKind, TransferStockRequest, TransferStockResponse,
};
use kit::{Currency, Decimal, Error, Money, Result, Uuid, ensure};
use store::Cx;
use store::column::instant;

use crate::books::{Books, Cause, Incoming, currency_mismatch};
use crate::level;
use crate::place::{self, Place, demand};
use crate::{quantity, warehouse};

/// Stock moves.
#[derive(Debug)]
pub struct StockMoves;

impl StockMoveApi for StockMoves {
    async fn receive_stock(&self, cx: &mut Cx, request: ReceiveStockRequest) -> Result<ReceiveStockResponse> {
        let effective_time =
            request.effective_time.as_ref().map(|time| instant(time, "effective_time")).transpose()?;
        ensure!(effective_time.is_none_or(|time| time <= cx.now()), InventoryReason::TimeInFuture);
        let cause = Cause {
            source_type: if request.source_type.is_empty() {
                "manual".to_owned()
            } else {
                request.source_type.clone()
            },
            source_id: place::optional_id(request.source_id.as_deref(), "source_id")?,
            effective_time,
            memo: request.memo.clone(),
            ..Cause::default()
        };
        let warehouse = one_warehouse(cx, request.warehouse_id.as_deref()).await?;
        let lines = received_lines(&request, warehouse)?;
        claim_currencies(cx, &lines).await?;
        let mut books = Books::open_or_make(cx, places(lines.iter().map(|line| line.0))).await?;
        books.because(cause);
        let unpriced = lines.iter().filter(|(.., cost)| cost.is_none()).map(|(place, ..)| place.product);
        let averages = averages(cx, unpriced.collect()).await?;
        for (place, quantity, cost) in lines {
            let unit_cost = cost.or_else(|| averages.get(&place.product).copied());
            let value = unit_cost.map(|cost| level::cost_of(quantity, cost)).transpose()?;
            books.add(cx, Incoming { place, kind: StockMoveKind::Receipt, quantity, unit_cost, value })?;
        }
        let stock_moves = record(cx, books).await?;
        Ok(ReceiveStockResponse { stock_moves })
    }

    async fn adjust_stock(&self, cx: &mut Cx, request: AdjustStockRequest) -> Result<AdjustStockResponse> {
        let warehouse = one_warehouse(cx, request.warehouse_id.as_deref()).await?;
        let mut lines = Vec::with_capacity(request.lines.len());
        for (number, line) in request.lines.iter().enumerate() {
            let product = place::id(&line.product_id, &format!("lines[{number}].product_id"))?;
            let field = format!("lines[{number}].quantity_change");
            let change = quantity::change(line.quantity_change.as_ref(), &field)?;
            lines.push((Place { product, warehouse }, change));
        }
        let mut books = Books::open_or_make(cx, places(lines.iter().map(|line| line.0))).await?;
        books.check(&demand(lines.iter().map(|(place, change)| (*place, -change)))?)?;
        let found =
            lines.iter().filter(|(_, change)| change.is_sign_positive()).map(|(place, _)| place.product);
        let averages = averages(cx, found.collect()).await?;
        books.because(manual(request.memo));
        // What is found comes first, so that no level falls below zero on the way to a sum that does not.
        let mut order: Vec<usize> = (0..lines.len()).collect();
        order.sort_by_key(|number| lines[*number].1.is_sign_negative());
        for number in &order {
            let (place, change) = lines[*number];
            if change.is_sign_negative() {
                books.remove(cx, place, StockMoveKind::Adjustment, -change)?;
            } else {
                let unit_cost = averages.get(&place.product).copied();
                let value = unit_cost.map(|cost| level::cost_of(change, cost)).transpose()?;
                books.add(
                    cx,
                    Incoming { place, kind: StockMoveKind::Adjustment, quantity: change, unit_cost, value },
                )?;
            }
        }
        let recorded = record(cx, books).await?;
        let mut stock_moves = vec![StockMove::default(); recorded.len()];
        for (number, stock_move) in order.into_iter().zip(recorded) {
            stock_moves[number] = stock_move;
        }
        Ok(AdjustStockResponse { stock_moves })
    }

    async fn transfer_stock(
        &self,
        cx: &mut Cx,
        request: TransferStockRequest,
    ) -> Result<TransferStockResponse> {
        let from = place::id(&request.from_warehouse_id, "from_warehouse_id")?;
        let to = place::id(&request.to_warehouse_id, "to_warehouse_id")?;
        ensure!(from != to, InventoryReason::SameWarehouse);
        warehouse::resolve(cx, &[Some(from), Some(to)]).await?;
        let mut lines = Vec::with_capacity(request.lines.len());
        for (number, line) in request.lines.iter().enumerate() {
            let product = place::id(&line.product_id, &format!("lines[{number}].product_id"))?;
            lines.push((
                product,
                quantity::positive(line.quantity.as_ref(), &format!("lines[{number}].quantity"))?,
            ));
        }
        let at = |product, warehouse| Place { product, warehouse };
        let both = lines.iter().flat_map(|(product, _)| [at(*product, from), at(*product, to)]);
        let mut books = Books::open_or_make(cx, places(both)).await?;
        books.check(&demand(lines.iter().map(|(product, quantity)| (at(*product, from), *quantity)))?)?;
        books.because(manual(request.memo));
        for (product, quantity) in lines {
            let out = books.remove(cx, at(product, from), StockMoveKind::TransferOut, quantity)?;
            let (unit_cost, value) = (out.unit_cost, out.value.map(Money::negated));
            let place = at(product, to);
            books.add(cx, Incoming { place, kind: StockMoveKind::TransferIn, quantity, unit_cost, value })?;
        }
        let stock_moves = record(cx, books).await?;
        Ok(TransferStockResponse { stock_moves })
    }
}

/// A line of a receipt: the place, how much, and what one unit cost.
type Received = (Place, Decimal, Option<Money>);

fn received_lines(request: &ReceiveStockRequest, warehouse: Uuid) -> Result<Vec<Received>> {
    let mut lines = Vec::with_capacity(request.lines.len());
    for (number, line) in request.lines.iter().enumerate() {
        let product = place::id(&line.product_id, &format!("lines[{number}].product_id"))?;
        let quantity = quantity::positive(line.quantity.as_ref(), &format!("lines[{number}].quantity"))?;
        let field = format!("lines[{number}].unit_cost");
        let cost = line.unit_cost.as_ref().map(|cost| cost.to_money(&field)).transpose();
        let invalid = || Error::from(InventoryReason::CostInvalid).with("field", &field);
        let cost = cost.map_err(|_| invalid())?;
        if cost.is_some_and(|cost| cost.minor < 0) {
            return Err(invalid());
        }
        lines.push((Place { product, warehouse }, quantity, cost));
    }
    Ok(lines)
}

/// What a person has moved.
fn manual(memo: String) -> Cause {
    Cause { source_type: "manual".to_owned(), memo, ..Cause::default() }
}

/// Each place once.
fn places(all: impl IntoIterator<Item = Place>) -> BTreeSet<Place> {
    all.into_iter().collect()
}

async fn one_warehouse(cx: &mut Cx, id: Option<&str>) -> Result<Uuid> {
    let id = place::optional_id(id, "warehouse_id")?;
    Ok(warehouse::resolve(cx, &[id]).await?[0])
}

/// Writes the books and reads the moves as they are now on record.
async fn record(cx: &mut Cx, books: Books) -> Result<Vec<StockMove>> {
    let ids = books.close(cx).await?;
    let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
    let mut stock_moves = Vec::with_capacity(ids.len());
    // A transfer of a thousand lines makes two thousand moves.
    for some in ids.chunks(store::BATCH_MAX) {
        stock_moves.extend(cx.batch_get(some).await?);
    }
    Ok(stock_moves)
}

/// Settles the currency of each product that comes with a cost. Fails when it is another one already.
async fn claim_currencies(cx: &mut Cx, lines: &[Received]) -> Result<()> {
    let mut currencies: BTreeMap<Uuid, Currency> = BTreeMap::new();
    for (place, _, cost) in lines {
        let Some(cost) = cost else { continue };
        let known = *currencies.entry(place.product).or_insert(cost.currency);
        if known != cost.currency {
            return Err(currency_mismatch(place.product, known));
        }
    }
    if currencies.is_empty() {
        return Ok(());
    }
    let products: Vec<Uuid> = currencies.keys().copied().collect();
    let codes: Vec<String> = currencies.values().map(|currency| currency.code().to_owned()).collect();
    let claim = sqlx::query(
        "insert into product_currencies (product_id, currency)
         select product_id, currency from unnest($1::uuid[], $2::text[]) as row (product_id, currency)
         order by product_id on conflict (tenant_id, product_id) do nothing",
    );
    cx.execute(claim.bind(&products).bind(codes)).await?;
    let query = sqlx::query_as::<_, (Uuid, String)>(
        "select product_id, currency from product_currencies where product_id = any($1) order by product_id",
    );
    for (product, code) in cx.rows(query.bind(&products)).await? {
        if currencies.get(&product).is_some_and(|currency| currency.code() != code) {
            return Err(currency_mismatch(
                product,
                Currency::parse(&code, "currency").map_err(Error::internal)?,
            ));
        }
    }
    Ok(())
}

/// What a unit of each product costs on the average over all warehouses; none where that is unknown.
async fn averages(cx: &mut Cx, products: BTreeSet<Uuid>) -> Result<BTreeMap<Uuid, Money>> {
    if products.is_empty() {
        return Ok(BTreeMap::new());
    }
    let query = sqlx::query_as::<_, (Uuid, Decimal, i64, String)>(
        "select product_id, sum(on_hand), sum(value_minor)::bigint, min(value_currency) from stock_levels
         where product_id = any($1) and value_minor is not null group by product_id",
    );
    let rows = cx.rows(query.bind(products.into_iter().collect::<Vec<_>>())).await?;
    let mut averages = BTreeMap::new();
    for (product, on_hand, minor, code) in rows {
        let currency = Currency::parse(&code, "currency").map_err(Error::internal)?;
        averages.extend(level::average(minor, on_hand, currency).map(|cost| (product, cost)));
    }
    Ok(averages)
}
