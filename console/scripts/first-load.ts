// Puts what the first load needs into one file, and what the first list needs beside it into another: few requests, and
// one dictionary each for compression.
import type { Plugin } from "vite";

/** Of these, one index names everything there is; what of it is needed shows only when the rest was shaken off. */
const BARRELS = /@mantine|@tabler|@floating-ui/;

/** `shared` is what the pages before and after signing in both use, `inside` what is there after. */
export function firstLoad(shared: readonly string[], inside: string) {
  const groups = { core: new Set<string>(), inside: new Set<string>() };
  const plugin: Plugin = {
    name: "tessera-first-load",
    apply: "build",
    buildEnd() {
      const visit = (id: string, into: Set<string>) => {
        if (into.has(id) || groups.core.has(id)) return;
        into.add(id);
        this.getModuleInfo(id)?.importedIds.forEach((one) => visit(one, into));
      };
      const ids = [...this.getModuleIds()];
      for (const id of ids)
        if (this.getModuleInfo(id)?.isEntry || shared.some((one) => id.endsWith(one))) visit(id, groups.core);
      for (const id of ids) if (id.endsWith(inside)) visit(id, groups.inside);
    },
  };
  const group = (name: keyof typeof groups) => ({
    name,
    test: (id: string) => groups[name].has(id) && !BARRELS.test(id) && !id.endsWith(".css"),
  });
  return { plugin, groups: [group("core"), group("inside")] };
}
