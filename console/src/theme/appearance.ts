// Light or dark, kept under the key that public/appearance.js reads before the first paint.
import { localStorageColorSchemeManager } from "@mantine/core";

export const appearance = localStorageColorSchemeManager({ key: "tessera.appearance" });
