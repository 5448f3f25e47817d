// @vitest-environment jsdom
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { Guard } from "./App";

afterEach(cleanup);

function Broken(): never {
  throw new Error("no code came");
}

test("a page that stopped does not stop the one that is opened next", () => {
  // React tells the console of what it caught.
  vi.spyOn(console, "error").mockImplementation(() => undefined);
  const { rerender } = render(
    <Guard of="/jobs">
      <Broken />
    </Guard>,
  );
  expect(screen.getByRole("alert").textContent).toContain("no code came");
  rerender(
    <Guard of="/jobs">
      <p>apps</p>
    </Guard>,
  );
  expect(screen.queryByText("apps")).toBeNull();
  rerender(
    <Guard of="/apps">
      <p>apps</p>
    </Guard>,
  );
  expect(screen.getByText("apps").tagName).toBe("P");
});
