import { describe, expect, it } from "vitest";
import { byDomain, grantOf, isSame, toggled } from "./grants";

describe("the matrix of permissions", () => {
  it("tells what is granted by itself from what a wildcard covers", () => {
    expect(grantOf(["crm.*"], "crm.accounts.read")).toEqual({ kind: "covered", by: "crm.*" });
    expect(grantOf(["crm.accounts.read"], "crm.accounts.read")).toEqual({ kind: "own" });
    expect(grantOf(["crm.contacts.*"], "crm.accounts.read")).toEqual({ kind: "none" });
    expect(grantOf(["*"], "ops.events.read")).toEqual({ kind: "covered", by: "*" });
  });

  it("changes one permission and leaves the others as they were", () => {
    expect(toggled(["a.b.read", "c.*"], "a.b.write")).toEqual(["a.b.read", "c.*", "a.b.write"]);
    expect(toggled(["a.b.read", "c.*"], "a.b.read")).toEqual(["c.*"]);
    expect(isSame(["a", "b"], ["b", "a"])).toBe(true);
    expect(isSame(["a", "b"], ["a"])).toBe(false);
  });

  it("puts permissions together by domain", () => {
    expect([...byDomain(["crm.accounts.read", "crm.contacts.read", "ops.events.read"]).keys()]).toEqual(["crm", "ops"]);
  });
});
