// What was changed and is not saved yet is not lost by a click elsewhere.
import { useBlocker } from "@tanstack/react-router";
import { useI18n } from "../../i18n";
import { confirm } from "../../ui/confirm";

/** Asks before another page, another part of this one or a reload takes away what is not saved. */
export function useLeaveQuestion(unsaved: boolean): void {
  const { t } = useI18n();
  useBlocker({
    shouldBlockFn: async () => {
      if (!unsaved) return false;
      const question = {
        title: t("form.leave"),
        text: t("form.leaveHint"),
        yes: t("form.leaveYes"),
        no: t("form.leaveNo"),
      };
      return !(await confirm(question));
    },
    enableBeforeUnload: () => unsaved,
  });
}
