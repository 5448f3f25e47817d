// All keys at one look.
import { Dialog } from "../ui/Dialog";
import { Button } from "../ui/pieces";

const KEYS: [string[], string][] = [
  [["/"], "search or run a command"],
  [["Ctrl", "K"], "the same, also while you write"],
  [["g", "h"], "dashboard"],
  [["g", "a"], "apps"],
  [["g", "d"], "databases"],
  [["g", "s"], "servers"],
  [["g", "j"], "jobs"],
  [["g", "e"], "settings"],
  [["↑", "↓"], "in a log: from line to line"],
  [["Enter"], "in a log: select the line"],
  [["y"], "in a log: copy the line's link"],
  [["End"], "in a log: follow"],
  [["Esc"], "close what is open"],
  [["?"], "these keys"],
];

export function Keys({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <div className="body">
        <dl className="keys">
          {KEYS.map(([keys, text]) => (
            <div className="contents" key={text}>
              <dt className="row">
                {keys.map((key) => (
                  <kbd key={key}>{key}</kbd>
                ))}
              </dt>
              <dd>{text}</dd>
            </div>
          ))}
        </dl>
      </div>
      <footer>
        <Button onClick={onClose}>Close</Button>
      </footer>
    </Dialog>
  );
}
