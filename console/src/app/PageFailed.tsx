import { Button } from "@mantine/core";
import { useI18n } from "../i18n";
import { ErrorNotice } from "../ui/ErrorNotice";

/** In the place of a page that broke, so that the rest of the console goes on. */
export function PageFailed({ error }: { error: unknown }) {
  const { t } = useI18n();
  return (
    <div className="page stack" style={{ maxWidth: 640 }}>
      <p>{t("app.crashed")}</p>
      <ErrorNotice error={error} />
      <div>
        <Button variant="default" onClick={() => location.reload()}>
          {t("app.reload")}
        </Button>
      </div>
    </div>
  );
}

export function NotFound() {
  const { t } = useI18n();
  return (
    <div className="empty">
      <strong>{t("app.notFound")}</strong>
      <p>{t("app.notFoundHint")}</p>
      <Button component="a" href="/" variant="default">
        {t("app.home")}
      </Button>
    </div>
  );
}
