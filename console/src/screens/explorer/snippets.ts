// How programs make the call that was tried: the names are those that the clients' generators give.
import { getOption } from "@bufbuild/protobuf";
import type { DescMethod, DescService, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { entity } from "@client/gen/erp/v1/options_pb";
import { pluralOf } from "../../i18n/labels";
import { snake } from "../../schema/model";
import { isPublic, restOf } from "./methods";

export type Language = "curl" | "typescript" | "python" | "cli";
export const LANGUAGES: readonly (readonly [Language, string])[] = [
  ["curl", "curl"],
  ["typescript", "TypeScript"],
  ["python", "Python"],
  ["cli", "tessera call"],
];

export function snippet(language: Language, method: DescMethod, request: JsonObject, origin: string): string {
  switch (language) {
    case "curl":
      return curl(method, request, origin);
    case "typescript":
      return typescript(method, request, origin);
    case "python":
      return python(method, request, origin);
    case "cli":
      return `tessera call ${domainOf(method.parent)}.${method.name}${isEmpty(request) ? "" : ` ${quoted(JSON.stringify(request))}`}`;
  }
}

function domainOf(service: DescService): string {
  return service.typeName.split(".")[1] ?? service.typeName;
}

function nounOf(service: DescService): string {
  return service.name.replace(/Service$/, "");
}

function isEmpty(request: JsonObject): boolean {
  return Object.keys(request).length === 0;
}

/** One word of a shell's line. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function curl(method: DescMethod, request: JsonObject, origin: string): string {
  const rest = restOf(method);
  const auth = isPublic(method) ? [] : [`  -H "x-api-key: $TESSERA_API_KEY"`];
  if (!rest) return `# ${method.name}: gRPC, gRPC-Web`;
  const used = new Set<string>();
  const path = rest.path.replace(/\{([^}]+)\}/g, (_, name: string) => {
    const value = at(request, name.split(".").map(jsonName));
    used.add(jsonName(name.split(".")[0] ?? ""));
    return value === undefined || typeof value === "object" ? `{${name}}` : encodeURIComponent(value);
  });
  const bodyField = jsonName(rest.body);
  const body = rest.body === "*" ? without(request, used) : rest.body ? request[bodyField] : undefined;
  const query = rest.body === "*" ? "" : queryOf(without(request, rest.body ? new Set([bodyField]) : used));
  const lines = [`curl${rest.verb === "GET" ? "" : ` -X ${rest.verb}`} ${quoted(`${origin}${path}${query}`)}`, ...auth];
  if (rest.body) lines.push(`  -H 'content-type: application/json'`, `  -d ${quoted(JSON.stringify(body ?? {}))}`);
  return lines.join(" \\\n");
}

/** `page_size` is `pageSize` in JSON. */
function jsonName(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function at(value: JsonValue | undefined, path: readonly string[]): JsonValue | undefined {
  const [name, ...rest] = path;
  if (name === undefined || value === undefined) return value;
  return typeof value === "object" && value !== null && !Array.isArray(value) ? at(value[name], rest) : undefined;
}

function without(request: JsonObject, names: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(request).filter(([name]) => !names.has(name)));
}

function queryOf(request: JsonObject): string {
  const pairs = flat(request, "");
  if (pairs.length === 0) return "";
  return `?${pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join("&")}`;
}

function flat(value: JsonValue, name: string): [string, string][] {
  if (Array.isArray(value)) return value.flatMap((one) => flat(one, name));
  if (typeof value === "object" && value !== null)
    return Object.entries(value).flatMap(([key, one]) => flat(one, name ? `${name}.${key}` : key));
  return [[name, String(value)]];
}

function typescript(method: DescMethod, request: JsonObject, origin: string): string {
  const { parent } = method;
  const record = parent.file.messages.find(({ name }) => name === nounOf(parent));
  const noun = nounOf(parent);
  const collection = (record && getOption(record, entity).table) || noun.charAt(0).toLowerCase() + noun.slice(1);
  const target = `tessera.${domainOf(parent)}.${jsonName(collection)}.${method.localName}`;
  const given = isEmpty(request) ? "{}" : JSON.stringify(request, null, 2);
  // The client takes messages, whose enums and 64-bit numbers are not as in JSON: the contract's own JSON always fits.
  const argument = isEmpty(request) ? "{}" : `fromJson(${method.input.name}Schema, ${given})`;
  const imports = isEmpty(request)
    ? []
    : [
        `import { fromJson } from "@bufbuild/protobuf";`,
        `import { ${method.input.name}Schema } from "@tessera/client/${domainOf(parent)}";`,
      ];
  const login = isPublic(method)
    ? []
    : ["await tessera.login({ email: process.env.TESSERA_EMAIL, password: process.env.TESSERA_PASSWORD });"];
  const lines = [
    `import { connect } from "@tessera/client";`,
    ...imports,
    "",
    `const tessera = connect({ baseUrl: ${JSON.stringify(origin)} });`,
    ...login,
  ];
  const streams = method.methodKind === "server_streaming";
  return [
    ...lines,
    streams
      ? `for await (const message of ${target}(${argument})) console.log(message);`
      : `console.log(await ${target}(${argument}));`,
  ].join("\n");
}

function python(method: DescMethod, request: JsonObject, origin: string): string {
  const { parent } = method;
  const noun = nounOf(parent);
  const several = noun === "Auth" || noun === "EventLog" ? noun : pluralOf(noun);
  const target = `client.${domainOf(parent)}.${snake(several)}.${shortName(method.name, noun, several)}`;
  const service = `${parent.file.proto.package}.${parent.file.name.split("/").at(-1) ?? ""}_pb2`;
  const lines = ["import os", "from tessera import Client"];
  const login = isPublic(method) ? [] : [`client.login(os.environ["TESSERA_EMAIL"], os.environ["TESSERA_PASSWORD"])`];
  const setup = [`client = Client(${JSON.stringify(origin)})`, ...login].join("\n");
  const simple = method.input.fields.every(
    ({ message, enum: choice, jsonName: name }) => request[name] === undefined || (!message && !choice),
  );
  if (simple) {
    const given = method.input.fields.filter(({ jsonName: name }) => request[name] !== undefined);
    const values = given.map((field) => `${field.name}=${literal(request[field.jsonName] ?? null)}`);
    return [...lines, "", setup, `print(${target}(${values.join(", ")}))`].join("\n");
  }
  const fields = method.input.fields
    .filter(({ jsonName: name }) => request[name] !== undefined)
    .map(({ name }) => `${name}=request.${name}`);
  return [
    ...lines,
    "from google.protobuf.json_format import Parse",
    `from tessera.${service.split(".").slice(0, -1).join(".")} import ${service.split(".").at(-1) ?? ""} as messages`,
    "",
    setup,
    `request = Parse(${literal(JSON.stringify(request))}, messages.${method.input.name}())`,
    `print(${target}(${fields.join(", ")}))`,
  ].join("\n");
}

/** `ListAccounts` of `AccountService` is `list`: the noun stands before the dot already. */
function shortName(name: string, noun: string, several: string): string {
  for (const word of [several, noun]) {
    const place = name.indexOf(word);
    const rest = name.slice(place + word.length);
    if (place <= 0 || !(rest === "" || /^[A-Z]/.test(rest))) continue;
    const short = snake(name.slice(0, place) + rest);
    return short === "return" ? "return_" : short;
  }
  return snake(name);
}

function literal(value: JsonValue): string {
  if (value === true) return "True";
  if (value === false) return "False";
  if (value === null) return "None";
  return JSON.stringify(value);
}
