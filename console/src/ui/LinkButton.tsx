// A button that goes somewhere is a link.
import { Button } from "@mantine/core";
import type { ButtonProps } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

export function LinkButton({
  to,
  children,
  ...rest
}: ButtonProps & { to: string; title?: string; children: ReactNode }) {
  return (
    <Button {...rest} renderRoot={(props: object) => <Link to={to} {...props} />}>
      {children}
    </Button>
  );
}
