/** A record's page while the record is on its way. */
export function DetailBones() {
  return (
    <div className="page" aria-busy="true">
      <span className="bone" style={{ width: 220, height: 16, marginBottom: 28 }} />
      {[60, 45, 70, 52, 64].map((width) => (
        <span key={width} className="bone" style={{ width: `${width}%`, marginBottom: 18 }} />
      ))}
    </div>
  );
}
