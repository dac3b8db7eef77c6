// Lists as CSV files that spreadsheets open without running anything.

/** A line of RFC 4180. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map(cell).join(",")}\r\n`;
}

/**
 * A spreadsheet takes a cell that begins with one of these for a formula; an apostrophe before it makes it text. Numbers
 * may begin with a minus.
 */
function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) && !/^[-+]?\d[\d.,\s]*$/.test(text) ? `'${text}` : text;
  return /[",\r\n]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** So that Excel reads umlauts. */
export const BYTE_ORDER_MARK = "\uFEFF";
