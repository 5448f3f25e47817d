// An icon; always beside a word, or with one for those who do not see it.
import { SHAPES, type Shape } from "./shapes";

export function Icon({ name, className = "" }: { name: Shape; className?: string }) {
  return (
    <svg className={`ic ${className}`} viewBox="0 0 16 16" aria-hidden="true">
      {SHAPES[name]}
    </svg>
  );
}

/** The ring of what runs: the one thing that moves. */
export function Ring() {
  return (
    <svg className="ic" viewBox="0 0 16 16" aria-hidden="true">
      <circle cx="8" cy="8" r="5.6" opacity=".28" strokeWidth="2" />
      <path className="spin" d="M8 2.4A5.6 5.6 0 0 1 13.6 8" strokeWidth="2" />
    </svg>
  );
}

export function Logo() {
  return (
    <svg viewBox="0 0 20 20" aria-hidden="true">
      <circle cx="10" cy="3.3" r="2.3" fill="var(--accent)" />
      <path
        d="M5.8 8.4h4.9v8.2M4.2 16.7h12.2"
        fill="none"
        stroke="currentColor"
        strokeWidth="2.4"
        strokeLinejoin="round"
      />
    </svg>
  );
}
