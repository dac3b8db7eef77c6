// The keyboard: one listener for the page; the newest binding of a key wins, so that dialogs go before pages.
import { useEffect, useRef } from "react";
import type { Key } from "../i18n";

export type Group = "keys.everywhere" | "keys.list" | "keys.record" | "keys.go";

export interface Binding {
  /** As in `j`, `?`, `mod+k`, `g a`; `mod` is Ctrl, on a Mac Cmd. */
  readonly keys: string;
  readonly does: Key;
  readonly group: Group;
  /** A name that is no text of the catalogue, such as that of a resource. */
  readonly name?: string;
  /** Also while a text is typed. */
  readonly inInputs?: boolean;
  run: (event: KeyboardEvent) => void;
}

/** What is bound may change with every rendering; the layer stays where it is. */
const layers: { current: readonly Binding[] }[] = [];
const PREFIX_MS = 1_200;
const isMac = typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.userAgent);

/** All bindings that work now, for the map of keys. */
export function currentBindings(): readonly Binding[] {
  const seen = new Set<string>();
  return layers
    .toReversed()
    .flatMap(({ current }) => current)
    .filter(({ keys }) => !seen.has(keys) && seen.add(keys));
}

/** Binds keys as long as the component is there. */
export function useKeys(bindings: readonly Binding[], enabled = true): void {
  const latest = useRef(bindings);
  useEffect(() => {
    latest.current = bindings;
  });
  useEffect(() => {
    if (!enabled) return undefined;
    layers.push(latest);
    return () => {
      layers.splice(layers.indexOf(latest), 1);
    };
  }, [enabled]);
}

let prefix = "";
let prefixEnds: ReturnType<typeof setTimeout> | undefined;

function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return;
  const typing = isTyping(event.target);
  const pressed = nameOf(event);
  const wanted = prefix ? `${prefix} ${pressed}` : pressed;
  const find = (keys: string) => currentBindings().find((one) => one.keys === keys && (!typing || one.inInputs));
  const binding = find(wanted) ?? find(pressed);
  clearTimeout(prefixEnds);
  prefix = "";
  // Dialogs keep the keys to themselves, but for those that were bound inside them.
  if (binding && !isBehindDialog(event, binding)) {
    event.preventDefault();
    binding.run(event);
    return;
  }
  if (!typing && currentBindings().some(({ keys }) => keys.startsWith(`${pressed} `))) {
    prefix = pressed;
    prefixEnds = setTimeout(() => {
      prefix = "";
    }, PREFIX_MS);
  }
}

type Pressed = Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">;

/** A key as bindings name it. With a modifier that no binding has, it is another key: Alt and a letter is the browser's. */
export function nameOf({ key, ctrlKey, metaKey, altKey, shiftKey }: Pressed, mac = isMac): string {
  const name = key.length === 1 ? key.toLowerCase() : key;
  // Shift makes a `?` what it is, but not a letter.
  const isOther = altKey || (mac ? ctrlKey : metaKey) || (shiftKey && (key.length > 1 || name !== key.toUpperCase()));
  return `${isOther ? "other+" : ""}${(mac ? metaKey : ctrlKey) ? "mod+" : ""}${name}`;
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement)
    return true;
  return target instanceof HTMLInputElement && !["checkbox", "radio", "button", "submit"].includes(target.type);
}

function isBehindDialog(event: KeyboardEvent, binding: Binding): boolean {
  if (binding.keys.startsWith("mod+")) return false;
  return (
    event.target instanceof HTMLElement &&
    event.target.closest('[role="dialog"], [role="menu"], [role="listbox"]') !== null
  );
}

/** How a key is written in tooltips: `⌘K` on a Mac, `Ctrl K` elsewhere. */
export function shownKeys(keys: string): string {
  return keys
    .split(" ")
    .map((one) =>
      one
        .replace("mod+", isMac ? "⌘" : "Ctrl ")
        .replace(/(^|\s|⌘)([a-z])$/, (_, before: string, letter: string) => before + letter.toUpperCase()),
    )
    .join(" ");
}

if (typeof window !== "undefined") window.addEventListener("keydown", onKey);
