// The contracts as the gateway serves them: every page is made from these descriptors.
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import type { FileRegistry } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

let registry: FileRegistry | undefined;
let loading: Promise<FileRegistry> | undefined;

/** Reads the descriptor file; asked twice, it is fetched once. A failure is forgotten, so that it can be tried again. */
export function loadRegistry(): Promise<FileRegistry> {
  loading ??= fetchRegistry().catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

/** The contracts that were loaded; nothing of the console runs before. */
export function loadedRegistry(): FileRegistry {
  if (!registry) throw new Error("the contracts are not loaded yet");
  return registry;
}

/** Takes contracts that were read in another way, such as by a test. */
export function takeRegistry(bytes: Uint8Array): FileRegistry {
  registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes));
  return registry;
}

async function fetchRegistry(): Promise<FileRegistry> {
  const { url } = (await (await fetched("/console/descriptors", "no-cache")).json()) as { url: string };
  const file = await fetched(url, "default");
  return takeRegistry(new Uint8Array(await file.arrayBuffer()));
}

async function fetched(url: string, cache: RequestCache): Promise<Response> {
  const response = await fetch(url, { cache });
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  return response;
}
