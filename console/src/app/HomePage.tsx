import { Link } from "@tanstack/react-router";
import { useI18n } from "../i18n";
import { iconOf } from "../ui/icons";
import { shownKeys } from "./keys";
import { destinations } from "./Rail";
import { useMe, useModel } from "./session";

/** Where one lands as long as no dashboard is registered, and for those who may not see it. */
export function HomePage() {
  const { t, plural, domain } = useI18n();
  const { may, tenant } = useMe();
  const lists = destinations(useModel(), may).filter(({ entity }) => entity);
  return (
    <div className="page">
      <div className="page-head">
        <h1>{tenant.displayName}</h1>
      </div>
      <p className="soft">{t("app.homeHint", { key: shownKeys("mod+k") })}</p>
      <div className="tiles">
        {lists.map(({ path, entity }) => {
          if (!entity) return null;
          const Icon = iconOf(entity.collection);
          return (
            <Link key={path} to={path} className="card tile">
              <Icon size={20} stroke={1.5} aria-hidden />
              <span>
                {plural(entity.typeName)}
                <small className="soft">{domain(entity.domain)}</small>
              </span>
            </Link>
          );
        })}
      </div>
    </div>
  );
}
