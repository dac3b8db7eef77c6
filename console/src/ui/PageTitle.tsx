/** The name of the page for the tab and the history of the browser; of several, the innermost counts. */
export function PageTitle({ children }: { children: string }) {
  return <title>{`${children} · Tessera`}</title>;
}
