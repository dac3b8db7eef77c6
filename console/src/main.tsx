import { QueryClientProvider } from "@tanstack/react-query";
import { MantineProvider } from "@mantine/core";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "./theme/mantine.css";
import "./theme/app.css";
import { theme, variables } from "./theme/theme";
import { appearance } from "./theme/appearance";
import { I18nProvider, loadLanguage, preferredLanguage } from "./i18n";
import { queries } from "./api/queries";
import { startSession } from "./app/session";
import { App } from "./app/App";

// The contracts and the session are on their way while the language is.
startSession();

void loadLanguage(preferredLanguage()).then((language) => {
  const root = document.getElementById("root");
  if (!root) throw new Error("the page has no root");
  createRoot(root).render(
    <StrictMode>
      <MantineProvider
        theme={theme}
        cssVariablesResolver={variables}
        colorSchemeManager={appearance}
        defaultColorScheme="auto"
        deduplicateCssVariables={false}
      >
        <I18nProvider first={language}>
          <QueryClientProvider client={queries}>
            <App />
          </QueryClientProvider>
        </I18nProvider>
      </MantineProvider>
    </StrictMode>,
  );
});
