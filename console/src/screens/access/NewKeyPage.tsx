// A new key where its list is: with scopes to choose from, and its text before the page is left.
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { tellChanges } from "../../api/changes";
import { useI18n } from "../../i18n";
import { PageTitle } from "../../ui/PageTitle";
import type { EntityProps } from "../registry";
import "./access.css";
import { NewKey } from "./NewKey";
import { SecretDialog } from "./SecretDialog";

export default function NewKeyPage({ entity }: EntityProps) {
  const { t } = useI18n();
  const navigate = useNavigate();
  const [secret, setSecret] = useState("");
  const leave = () => void navigate({ to: entity.path });
  if (secret) return <SecretDialog secret={secret} onClose={leave} />;
  const given = (text: string) => {
    tellChanges(new Map([[entity.typeName, new Set()]]));
    setSecret(text);
  };
  return (
    <>
      <PageTitle>{t("access.newKey")}</PageTitle>
      <NewKey onGiven={given} onClose={leave} />
    </>
  );
}
