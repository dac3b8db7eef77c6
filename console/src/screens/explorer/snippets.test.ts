import { readFileSync } from "node:fs";
import type { DescMethod, DescService, JsonObject } from "@bufbuild/protobuf";
import { services } from "@client/gen/services";
import { describe, expect, it } from "vitest";
import { snippet } from "./snippets";

const origin = "https://erp.example";
const { accounts, contacts } = services.crm;
const every = Object.values(services).flatMap((domain) => Object.values<DescService>(domain));
const methods: readonly DescMethod[] = every.flatMap((service) => service.methods);
const lines = (language: "curl" | "typescript" | "python", method: DescMethod, request: JsonObject = {}) =>
  snippet(language, method, request, origin).split("\n");

describe("curl", () => {
  it("puts what a read asks for into the address", () => {
    const request = { pageSize: 2, filter: 'type = CUSTOMER AND code = "A&B"' };
    expect(lines("curl", accounts.method.listAccounts, request)).toEqual([
      `curl '${origin}/api/v1/accounts?pageSize=2&filter=type%20%3D%20CUSTOMER%20AND%20code%20%3D%20%22A%26B%22' \\`,
      `  -H "x-api-key: $TESSERA_API_KEY"`,
    ]);
    expect(lines("curl", accounts.method.batchGetAccounts, { ids: ["a", "b"] })[0]).toContain("?ids=a&ids=b'");
  });

  it("puts the record into the body and its id into the path", () => {
    const request = { account: { id: "7", displayName: "Bob's" }, updateMask: "displayName" };
    expect(lines("curl", accounts.method.updateAccount, request)).toEqual([
      `curl -X PATCH '${origin}/api/v1/accounts/7?updateMask=displayName' \\`,
      `  -H "x-api-key: $TESSERA_API_KEY" \\`,
      `  -H 'content-type: application/json' \\`,
      // A quote ends the shell's word, stands for itself, and begins the next.
      `  -d '{"id":"7","displayName":"Bob'\\''s"}'`,
    ]);
  });

  it("needs no key where nobody signs in", () => {
    const login = services.identity.auth.method.login;
    expect(snippet("curl", login, { email: "a@b.example" }, origin)).not.toContain("x-api-key");
  });
});

describe("TypeScript", () => {
  it("calls the client's method with the contract's own JSON", () => {
    expect(lines("typescript", contacts.method.getContact, { id: "7" })).toEqual([
      `import { connect } from "@tessera/client";`,
      `import { fromJson } from "@bufbuild/protobuf";`,
      `import { GetContactRequestSchema } from "@tessera/client/crm";`,
      "",
      `const tessera = connect({ baseUrl: "${origin}" });`,
      "await tessera.login({ email: process.env.TESSERA_EMAIL, password: process.env.TESSERA_PASSWORD });",
      "console.log(await tessera.crm.contacts.getContact(fromJson(GetContactRequestSchema, {",
      `  "id": "7"`,
      "})));",
    ]);
  });

  it("names a service and a method that the client has, for every method", () => {
    // The client's own list of services is what the name is held against.
    for (const method of methods) {
      const [, domain = "", name = "", call = ""] =
        /tessera\.(\w+)\.(\w+)\.(\w+)\(/.exec(snippet("typescript", method, {}, origin)) ?? [];
      const known = (services as unknown as Record<string, Record<string, DescService>>)[domain]?.[name];
      expect(known, String(method)).toBe(method.parent);
      expect(known?.method[call], String(method)).toBe(method);
    }
  });

  it("reads a stream message by message", () => {
    const streaming = methods.find(({ methodKind }) => methodKind === "server_streaming");
    expect(streaming && snippet("typescript", streaming, {}, origin)).toContain("for await (const message of ");
  });
});

describe("Python", () => {
  it("gives plain values by name", () => {
    expect(lines("python", accounts.method.listAccounts, { pageSize: 2, showDeleted: true })).toEqual([
      "import os",
      "from tessera import Client",
      "",
      `client = Client("${origin}")`,
      `client.login(os.environ["TESSERA_EMAIL"], os.environ["TESSERA_PASSWORD"])`,
      "print(client.crm.accounts.list(page_size=2, show_deleted=True))",
    ]);
  });

  it("names a service and a method that the client has, for every method", () => {
    const generated = new URL("../../../../clients/python/src/tessera/", import.meta.url);
    for (const method of methods) {
      const [, domain = "", several = "", call = ""] =
        /client\.(\w+)\.(\w+)\.(\w+)\(/.exec(snippet("python", method, {}, origin)) ?? [];
      const text = readFileSync(new URL(`${domain}.py`, generated), "utf8");
      const name = several.replace(/(^|_)([a-z])/g, (_, __, letter: string) => letter.toUpperCase());
      const own = new RegExp(`^class ${name}\\b[^]*?(?=^class |(?![^]))`, "m").exec(text)?.[0];
      expect(own, String(method)).toMatch(new RegExp(`^    (async )?def ${call}\\(`, "m"));
    }
  });

  it("reads messages from the contract's own JSON", () => {
    const text = snippet("python", accounts.method.createAccount, { account: { displayName: 'A "B"' } }, origin);
    expect(text).toContain("from tessera.erp.crm.v1 import account_pb2 as messages");
    expect(text).toContain(
      String.raw`request = Parse("{\"account\":{\"displayName\":\"A \\\"B\\\"\"}}", messages.CreateAccountRequest())`,
    );
    expect(text).toContain("print(client.crm.accounts.create(account=request.account))");
  });
});
