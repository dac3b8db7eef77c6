import { randomUUID } from "node:crypto";
import { expect, it } from "vitest";
import { amount, civilDate, dateText, fieldMask, money, pages, records, timestampDate } from "../src/index.js";
import { AccountSchema, AccountType } from "../src/gen/domains/crm.js";
import { countingTransport, describeSuite, failure, newOwner } from "./tenant.js";

describeSuite("records", () => {
  it("are created, read, changed by mask and listed", async () => {
    // A mask changes what it names and nothing else.
    const { crm } = (await newOwner()).tessera;
    const account = { displayName: "Hansens Feinkost", type: AccountType.CUSTOMER, phone: "030-5550100" };
    const created = await crm.accounts.createAccount({ account });
    expect(created).toMatchObject(account);
    expect(Math.abs(timestampDate(created.createTime!).getTime() - Date.now())).toBeLessThan(60_000);
    const updated = await crm.accounts.updateAccount({
      account: { id: created.id, displayName: "Hansens", phone: "not taken", etag: created.etag },
      updateMask: fieldMask(AccountSchema, "displayName"),
    });
    expect(updated).toMatchObject({ displayName: "Hansens", phone: "030-5550100" });
    expect(updated.etag).not.toBe(created.etag);
    expect(await crm.accounts.getAccount({ id: created.id })).toEqual(updated);
    const customers = await crm.accounts.listAccounts({ filter: "type = CUSTOMER", showTotalSize: true });
    expect([customers.accounts, customers.totalSize]).toEqual([[updated], 1n]);
  });

  it("refuse a change of an old version", async () => {
    // A stale etag is ABORTED with a reason of its own, is not sent again, and the record stays as it was.
    const { transport, of } = countingTransport();
    const { crm } = (await newOwner({ transport })).tessera;
    const { id, etag } = await crm.accounts.createAccount({ account: { displayName: "first" } });
    const change = (displayName: string) => crm.accounts.updateAccount({ account: { id, etag, displayName } });
    await change("second");
    const error = await failure(change("third"));
    expect([error.code, error.reason, error.domain]).toEqual(["ABORTED", "STALE_ETAG", "erp"]);
    expect(of("UpdateAccount")).toHaveLength(2);
    expect((await crm.accounts.getAccount({ id })).displayName).toBe("second");
  });

  it("name the fields that break a rule", async () => {
    // Each broken rule comes with the path of its field and a text, and the call can be found in the logs.
    const { crm } = (await newOwner()).tessera;
    const xRequestId = randomUUID();
    const options = { headers: { "x-request-id": xRequestId } };
    const broken = { account: { displayName: "", domain: "x".repeat(300), parentId: "no uuid" } };
    const error = await failure(crm.accounts.createAccount(broken, options));
    expect([error.code, error.reason, error.requestId]).toEqual(["INVALID_ARGUMENT", "INVALID_FIELD", xRequestId]);
    const fields = error.violations.map(({ field }) => field).sort();
    expect(fields).toEqual(["account.display_name", "account.domain", "account.parent_id"]);
    for (const { description } of error.violations) expect(description).not.toBe("");
  });

  it("of another tenant are not found", async () => {
    // A foreign id answers as one that never was.
    const [mine, theirs] = await Promise.all([newOwner(), newOwner()]);
    const { id } = await theirs.tessera.crm.accounts.createAccount({ account: { displayName: "theirs" } });
    const error = await failure(mine.tessera.crm.accounts.getAccount({ id }));
    expect([error.code, error.reason]).toEqual(["NOT_FOUND", "NOT_FOUND"]);
    expect((await mine.tessera.crm.accounts.listAccounts({})).accounts).toEqual([]);
  });

  it("come page by page or one by one", async () => {
    // 120 records in pages of 50 are three pages; every record comes once, in order, and stopping early asks no more.
    const { crm } = (await newOwner()).tessera;
    const names = Array.from({ length: 120 }, (_, index) => `Account ${String(index).padStart(3, "0")}`);
    for (let from = 0; from < names.length; from += 10) {
      const some = names.slice(from, from + 10);
      await Promise.all(some.map((displayName) => crm.accounts.createAccount({ account: { displayName } })));
    }
    const request = { pageSize: 50, orderBy: "display_name" };
    const sizes: number[] = [];
    for await (const page of pages(crm.accounts.listAccounts, request)) sizes.push(page.accounts.length);
    expect(sizes).toEqual([50, 50, 20]);
    const found: string[] = [];
    for await (const account of records(crm.accounts.listAccounts, request)) found.push(account.displayName);
    expect(found).toEqual(names);
    for await (const account of records(crm.accounts.searchAccounts, { query: "119" })) {
      expect(account.displayName).toBe("Account 119");
      break;
    }
  });

  it("keep every letter", async () => {
    // Names in any script come back as they were sent, also out of an error's text and a search.
    const { crm } = (await newOwner()).tessera;
    const displayName = "Zażółć GmbH – 東京商事 שלום 👩‍🏭";
    const account = await crm.accounts.createAccount({
      account: { displayName, code: "Ä-1", labels: { größe: "weiß" } },
    });
    expect(await crm.accounts.getAccount({ id: account.id })).toMatchObject({ displayName, labels: { größe: "weiß" } });
    expect((await crm.accounts.searchAccounts({ query: "東京商事" })).accounts).toHaveLength(1);
    const taken = await failure(crm.accounts.createAccount({ account: { displayName, code: "Ä-1" } }));
    expect([taken.code, taken.reason]).toEqual(["ALREADY_EXISTS", "ALREADY_EXISTS"]);
  });

  it("keep amounts and days to the digit", async () => {
    // Money and dates come back from the server as they were written.
    const { catalog, finance } = (await newOwner()).tessera;
    for (const [text, currency] of [
      ["1234567890123.45", "EUR"],
      ["0.05", "EUR"],
      ["7", "JPY"],
    ] as const) {
      const product = { sku: `${currency}-${text}`, name: text, unit: "piece", price: money(text, currency) };
      const { price } = await catalog.products.createProduct({ product });
      expect([amount(price!), price?.currencyCode]).toEqual([text, currency]);
    }
    await finance.ledgerAccounts.installChart({});
    const [bank, equity] = (await finance.ledgerAccounts.listLedgerAccounts({})).ledgerAccounts;
    const lines = [
      { accountCode: bank!.code, amount: money("0.10", "EUR") },
      { accountCode: equity!.code, amount: money("-0.10", "EUR") },
    ];
    const entry = { effectiveDate: civilDate("2024-02-29"), lines };
    const { effectiveDate, lines: posted } = await finance.journalEntries.postJournalEntry({ entry });
    expect([dateText(effectiveDate!), ...posted.map((line) => amount(line.amount!))]).toEqual([
      "2024-02-29",
      "0.1",
      "-0.1",
    ]);
  });
});
