// The actions behind ⋯.
import { DropdownMenu } from "radix-ui";
import type { ReactNode } from "react";
import { Icon } from "./Icon";
import type { Shape } from "./shapes";

export interface Action {
  text: string;
  icon?: Shape;
  danger?: boolean;
  disabled?: boolean;
  onSelect: () => void;
}

export function Menu({
  label,
  actions,
  children,
  small = false,
  ghost = false,
}: {
  label: string;
  actions: (Action | null)[];
  children?: ReactNode;
  small?: boolean;
  ghost?: boolean;
}) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>
        <button
          type="button"
          className={`btn ${children === undefined ? "sq" : ""} ${small ? "sm" : ""} ${ghost ? "ghost" : ""}`}
          aria-label={label}
        >
          {children ?? <Icon name="more" />}
        </button>
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="end" sideOffset={4}>
          {actions.map((action, i) =>
            action === null ? (
              // biome-ignore lint/suspicious/noArrayIndexKey: a line between groups has no name
              <DropdownMenu.Separator key={i} />
            ) : (
              <DropdownMenu.Item
                key={action.text}
                className={action.danger ? "danger" : ""}
                disabled={action.disabled ?? false}
                onSelect={action.onSelect}
              >
                {action.icon !== undefined && <Icon name={action.icon} />}
                {action.text}
              </DropdownMenu.Item>
            ),
          )}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
