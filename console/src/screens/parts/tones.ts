// The colour of an order's state in charts; elsewhere badges choose it by the word.
const TONES: Readonly<Record<string, string>> = {
  CREATED: "info",
  AWAITING_PAYMENT: "info",
  CONFIRMED: "info",
  COMPLETED: "good",
  CANCELLING: "warn",
  CANCELLED: "warn",
  FAILED: "bad",
};

export function toneOf(state: string): string {
  return TONES[state] ?? "idle";
}
