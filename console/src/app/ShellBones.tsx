// The frame before it is known who is signed in, so that a reload does not flash.
import { useI18n } from "../i18n";

export function ShellBones() {
  const { t } = useI18n();
  return (
    <div className="shell" aria-busy="true" aria-label={t("app.starting")} role="status">
      <header />
      <div className="rail only-desk">
        <div className="rail-top">
          <span className="bone" style={{ width: 120 }} />
        </div>
        <nav>
          {[88, 120, 96, 104, 72, 110].map((width) => (
            <span key={width} className="bone" style={{ width, margin: "14px 8px" }} />
          ))}
        </nav>
      </div>
      <main />
    </div>
  );
}
