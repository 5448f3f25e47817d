// Lists of any length: what one looks for is found by typing, and of a long table only the rows near the window are drawn.
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, type Ref, useDeferredValue, useLayoutEffect, useMemo, useRef, useState } from "react";
import { Icon } from "./Icon";

/** From so many rows on a list can be searched. */
const MANY = 20;
/** Up to so many all are drawn: the browser's own search finds them. */
const ALL = 60;
/** A row of a table, before it is measured. */
const ROW_PX = 43;

export function isLong(rows: number): boolean {
  return rows > ALL;
}

/** Rows in whose text all that was typed stands. */
export function fitting<T>(rows: T[], typed: string, text: (row: T) => string): T[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return rows;
  return rows.filter((row) => {
    const said = text(row).toLowerCase();
    return words.every((one) => said.includes(one));
  });
}

/** A field above a list that leaves those rows which fit what is typed. */
export function Finder<T>({
  rows,
  what,
  text,
  children,
}: {
  rows: T[];
  what: string;
  text: (row: T) => string;
  children: (found: T[]) => ReactNode;
}) {
  const [typed, setTyped] = useState("");
  // The field shows a key at once; the rows follow when there is time.
  const wanted = useDeferredValue(typed);
  // biome-ignore lint/correctness/useExhaustiveDependencies: how a row is written does not change
  const found = useMemo(() => fitting(rows, wanted, text), [rows, wanted]);
  const shown = useMemo(() => children(found), [children, found]);
  if (rows.length < MANY) return children(rows);
  return (
    <>
      <div className="filters">
        <div className="finder">
          <Icon name="search" />
          <input
            value={typed}
            placeholder={`Find ${what}`}
            aria-label={`find ${what}`}
            onChange={(event) => setTyped(event.target.value)}
            onKeyDown={(event) => event.key === "Escape" && setTyped("")}
          />
        </div>
        <span className="muted text-[13px]" role="status">
          {wanted === "" ? "" : `${found.length} of ${rows.length}`}
        </span>
      </div>
      {found.length === 0 ? <p className="card px-4 py-3 muted text-[13px]">None is called so.</p> : shown}
    </>
  );
}

/** What a row of a long table must carry. */
export interface RowProps {
  ref?: Ref<HTMLTableRowElement>;
  "data-index"?: number;
}

export function LongBody<T>({
  rows,
  columns,
  children,
}: {
  rows: T[];
  columns: number;
  children: (row: T, props: RowProps) => ReactNode;
}) {
  if (!isLong(rows.length)) return <tbody role="rowgroup">{rows.map((row) => children(row, {}))}</tbody>;
  return (
    <Drawn rows={rows} columns={columns}>
      {children}
    </Drawn>
  );
}

function Drawn<T>({
  rows,
  columns,
  children,
}: {
  rows: T[];
  columns: number;
  children: (row: T, props: RowProps) => ReactNode;
}) {
  const body = useRef<HTMLTableSectionElement>(null);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => {
    if (body.current !== null) setTop(Math.round(body.current.getBoundingClientRect().top + scrollY));
  }, []);
  const list = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => ROW_PX,
    overscan: 12,
    scrollMargin: top,
  });
  const items = list.getVirtualItems();
  const before = (items[0]?.start ?? top) - top;
  const after = list.getTotalSize() - ((items.at(-1)?.end ?? top) - top);
  return (
    <tbody role="rowgroup" ref={body}>
      <Room height={before} columns={columns} />
      {items.map((item) => {
        const row = rows[item.index];
        return row === undefined ? null : children(row, { ref: list.measureElement, "data-index": item.index });
      })}
      <Room height={after} columns={columns} />
    </tbody>
  );
}

/** Where rows would be that are not in sight. */
function Room({ height, columns }: { height: number; columns: number }) {
  return height <= 0 ? null : (
    // biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: a row that is none: it only keeps the place
    <tr className="room" role="presentation">
      <td role="presentation" colSpan={columns} style={{ height }} />
    </tr>
  );
}
