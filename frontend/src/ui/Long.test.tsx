// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Finder, fitting, LongBody } from "./Long";

// Nothing is laid out here: a row is as high as it would be.
beforeEach(() => {
  vi.spyOn(HTMLElement.prototype, "offsetHeight", "get").mockReturnValue(43);
});
afterEach(cleanup);

const rows = Array.from({ length: 1_000 }, (_, i) => `srv-${i} active`);

test("every word that was typed stands somewhere in what is left", () => {
  expect(fitting(rows, "", (row) => row)).toHaveLength(1_000);
  expect(fitting(rows, "ACTIVE srv-99", (row) => row)).toHaveLength(11);
  expect(fitting(rows, "gone srv-99", (row) => row)).toEqual([]);
});

const table = (found: string[]) => (
  <table>
    <LongBody rows={found} columns={1}>
      {(row, props) => (
        <tr key={row} {...props}>
          <td>{row}</td>
        </tr>
      )}
    </LongBody>
  </table>
);

test("of a long table only some rows are drawn, of what was found all", () => {
  render(
    <Finder rows={rows} what="a server" text={(row) => row}>
      {table}
    </Finder>,
  );
  expect(screen.queryAllByText(/srv-/).length).toBeLessThan(200);
  fireEvent.change(screen.getByLabelText("find a server"), { target: { value: "srv-99" } });
  expect(screen.getAllByText(/srv-/)).toHaveLength(11);
  expect(screen.getByRole("status").textContent).toBe("11 of 1000");
  fireEvent.change(screen.getByLabelText("find a server"), { target: { value: "zzz" } });
  expect(screen.queryAllByText(/srv-/)).toEqual([]);
  expect(screen.getByText("None is called so.")).toBeTruthy();
});

test("a short list has no field above it", () => {
  render(
    <Finder rows={rows.slice(0, 5)} what="a server" text={(row) => row}>
      {table}
    </Finder>,
  );
  expect(screen.queryByLabelText("find a server")).toBeNull();
  expect(screen.getAllByText(/srv-/)).toHaveLength(5);
});
