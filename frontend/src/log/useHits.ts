// Where in a log something stands: looked for beside what is drawn, so that a key that is pressed is seen at once.
import { useEffect, useState } from "react";
import { type Row, Search } from "./model";

/** A piece of the search takes no more of a frame than this. */
const PIECE_MS = 6;
/** What was found until now is shown so often. */
const SHOW_MS = 120;

export interface Hits {
  found: number[];
  /** All was looked through. */
  done: boolean;
}

const NONE: Hits = { found: [], done: true };

export function useHits(all: Row[], wanted: string): Hits {
  const [hits, setHits] = useState<Hits & { wanted: string }>({ ...NONE, wanted: "" });
  useEffect(() => {
    if (wanted === "") {
      setHits({ ...NONE, wanted });
      return;
    }
    const search = new Search(all, wanted);
    let timer: ReturnType<typeof setTimeout>;
    let shown = performance.now();
    const piece = () => {
      const until = performance.now() + PIECE_MS;
      search.go(() => performance.now() >= until);
      if (search.done) {
        setHits({ found: search.found, done: true, wanted });
        return;
      }
      if (performance.now() - shown > SHOW_MS) {
        shown = performance.now();
        setHits({ found: [...search.found], done: false, wanted });
      }
      timer = setTimeout(piece);
    };
    timer = setTimeout(piece);
    return () => clearTimeout(timer);
  }, [all, wanted]);
  // What was found for other words is no answer; for the same words in a log that has grown it stands until there is a new one.
  return hits.wanted === wanted ? hits : { found: [], done: false };
}
