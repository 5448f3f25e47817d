// Stands in for react-remove-scroll: the page behind a dialog does not scroll. By a class, since the policy forbids <style> elements.
import { Slot } from "radix-ui";
import { type ComponentProps, useEffect } from "react";

interface Props extends ComponentProps<typeof Slot.Root> {
  as?: unknown;
  allowPinchZoom?: boolean;
  shards?: unknown;
  enabled?: boolean;
}

let locks = 0;

export function RemoveScroll({ as: _as, allowPinchZoom: _zoom, shards: _shards, enabled = true, ...props }: Props) {
  useEffect(() => {
    if (!enabled) return;
    locks += 1;
    document.documentElement.classList.add("locked");
    return () => {
      locks -= 1;
      if (locks === 0) document.documentElement.classList.remove("locked");
    };
  }, [enabled]);
  return <Slot.Root {...props} />;
}
