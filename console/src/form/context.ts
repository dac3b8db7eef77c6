// What every input of a form needs to know.
import { createContext, use } from "react";
import type { FileRegistry } from "@bufbuild/protobuf";
import type { Draft, Typing } from "./draft";

export interface FormContext {
  readonly registry: FileRegistry;
  readonly typing: Typing;
  /** True when an existing record is changed, so that immutable fields stay as they are. */
  readonly editing: boolean;
  set: (path: readonly (string | number)[], value: Draft) => void;
  /** What is wrong at a path, or inside it for an input that has no parts on the screen. */
  errorAt: (path: string, deep?: boolean) => string | undefined;
}

const Context = createContext<FormContext | undefined>(undefined);
export const FormProvider = Context.Provider;

export function useForm(): FormContext {
  const form = use(Context);
  if (!form) throw new Error("there is no form above");
  return form;
}

/** Where an input is: in the draft, and as the server names it. */
export interface Place {
  readonly path: readonly (string | number)[];
  readonly name: string;
}
