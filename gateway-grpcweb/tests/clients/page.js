// Calls the test library from a web page with Connect's own client, over gRPC-Web and over Connect.
import { create, createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";

/** What a call gave: its answers, and how it failed. */
async function outcome(call) {
  const messages = [];
  try {
    for await (const message of call()) messages.push(message.id ?? message.title);
    return { messages };
  } catch (error) {
    const failure = ConnectError.from(error);
    const details = failure.details.map((detail) => detail.type);
    return { messages, code: Code[failure.code], message: failure.rawMessage, details };
  }
}

/** A unary call as a stream of one message. */
async function* one(promise) {
  yield await promise;
}

window.run = async (baseUrl, set) => {
  const bytes = Uint8Array.from(atob(set), (char) => char.charCodeAt(0));
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes));
  const library = registry.getService("test.library.v1.Library");
  const transports = {
    "grpc-web": createGrpcWebTransport({ baseUrl }),
    connect: createConnectTransport({ baseUrl }),
    "connect in protobuf": createConnectTransport({ baseUrl, useBinaryFormat: true }),
    "connect by get": createConnectTransport({ baseUrl, useHttpGet: true }),
  };
  const results = {};
  for (const [name, transport] of Object.entries(transports)) {
    const client = createClient(library, transport);
    // A header that no page may send unasked, so that the browser asks first.
    const options = { headers: { authorization: "Bearer none" } };
    results[name] = {
      unary: await outcome(() => one(client.getBook({ id: "ü/1" }, options))),
      missing: await outcome(() => one(client.getBook({ id: "missing" }, options))),
      stream: await outcome(() => client.streamBooks({ size: 3 }, options)),
      torn: await outcome(() => client.streamBooks({ size: 2, filter: "fail" }, options)),
      failed: await outcome(() => client.streamBooks({ filter: "fail" }, options)),
      forbidden: await outcome(() => one(client.getBook({ id: "1" }, { headers: { "x-nobody-knows": "1" } }))),
    };
  }
  return results;
};
