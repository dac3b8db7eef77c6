// The dialog that shows a secret this once; it comes with the texts of the screen that it belongs to.
import { lazy } from "react";
import { withTexts } from "../screens/registry";

export const GivenSecret = lazy(
  withTexts(async () => ({ default: (await import("../screens/access/SecretDialog")).SecretDialog })),
);
