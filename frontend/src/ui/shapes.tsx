// The icons, drawn on 16 × 16 with a stroke of 1.5; no request leaves the page for them.
import type { ReactNode } from "react";

export const SHAPES = {
  dash: (
    <>
      <path d="M2.5 2.5h4.5v6H2.5zM9 2.5h4.5v3H9zM9 7.5h4.5v6H9zM2.5 10.5H7v3H2.5z" />
    </>
  ),
  app: (
    <>
      <path d="M8 1.8l5.5 3v6.4l-5.5 3-5.5-3V4.800z" />
      <path d="M2.700 5l5.300 2.900L13.300 5M8 7.900v6.100" />
    </>
  ),
  db: (
    <>
      <ellipse cx="8" cy="4" rx="5" ry="2" />
      <path d="M3 4v8c0 1.100 2.240 2 5 2s5-.9 5-2V4M3 8c0 1.100 2.240 2 5 2s5-.9 5-2" />
    </>
  ),
  server: (
    <>
      <rect x="2" y="2.500" width="12" height="4.500" rx="1" />
      <rect x="2" y="9" width="12" height="4.500" rx="1" />
      <path d="M4.700 4.750h.01M4.700 11.250h.01M7.500 4.750h4M7.500 11.250h4" />
    </>
  ),
  jobs: (
    <>
      <path d="M2 3.500h6M2 8h12M2 12.500h9" />
      <circle cx="11" cy="3.500" r="1.200" />
    </>
  ),
  set: (
    <>
      <path d="M2 4.500h6M12 4.500h2M2 11.500h2M8 11.500h6" />
      <circle cx="10" cy="4.500" r="1.800" />
      <circle cx="6" cy="11.500" r="1.800" />
    </>
  ),
  search: (
    <>
      <circle cx="7" cy="7" r="4.300" />
      <path d="M10.300 10.300L14 14" />
    </>
  ),
  copy: (
    <>
      <rect x="5.500" y="5.500" width="8" height="8" rx="1.500" />
      <path d="M10.500 5.500v-2a1 1 0 0 0-1-1h-6a1 1 0 0 0-1 1v6a1 1 0 0 0 1 1h2" />
    </>
  ),
  more: (
    <>
      <path d="M3.500 8h.01M8 8h.01M12.500 8h.01" strokeWidth="2.200" />
    </>
  ),
  ext: (
    <>
      <path d="M6 3.500h6.500V10M12.300 3.700L4 12" />
    </>
  ),
  check: (
    <>
      <path d="M3 8.500l3.300 3.300L13 4.700" strokeWidth="1.800" />
    </>
  ),
  xc: (
    <>
      <circle cx="8" cy="8" r="6.500" fill="currentColor" stroke="none" />
      <path d="M5.800 5.800l4.400 4.400M10.200 5.800l-4.400 4.400" stroke="var(--surface)" strokeWidth="1.600" />
    </>
  ),
  clock: (
    <>
      <circle cx="8" cy="8" r="5.800" />
      <path d="M8 4.800V8l2.200 1.600" />
    </>
  ),
  retry: (
    <>
      <path d="M13.300 8a5.300 5.300 0 1 1-1.600-3.800" />
      <path d="M13.500 1.800v3h-3" />
    </>
  ),
  diamond: (
    <>
      <path d="M8 .9L15.100 8 8 15.100.9 8z" fill="currentColor" stroke="none" />
      <path d="M8 4.700v4M8 11.100v.01" stroke="var(--cut,var(--surface))" strokeWidth="1.700" />
    </>
  ),
  slash: (
    <>
      <circle cx="8" cy="8" r="5.800" />
      <path d="M4 12l8-8" />
    </>
  ),
  dot: (
    <>
      <circle cx="8" cy="8" r="4" fill="currentColor" stroke="none" />
    </>
  ),
  sq: (
    <>
      <rect x="4" y="4" width="8" height="8" rx="1" />
    </>
  ),
  tri: (
    <>
      <path d="M8 2l6.500 11.500h-13z" fill="currentColor" strokeWidth="1" />
      <path d="M8 6.500v3M8 11.600v.01" stroke="var(--surface)" strokeWidth="1.500" />
    </>
  ),
  unlink: (
    <>
      <path d="M6.300 12.800a5 5 0 0 1-3.100-6.400M9.700 3.200a5 5 0 0 1 3.100 6.400" />
      <path d="M2.500 2.500l11 11" />
    </>
  ),
  ringo: (
    <>
      <circle cx="8" cy="8" r="4" />
    </>
  ),
  todo: (
    <>
      <circle cx="8" cy="8" r="4.500" strokeDasharray="2 2.710" />
    </>
  ),
  skip: (
    <>
      <path d="M4 8h8" />
    </>
  ),
  pause: (
    <>
      <path d="M5.500 3.500v9M10.500 3.500v9" strokeWidth="2" />
    </>
  ),
  down: (
    <>
      <path d="M4 6.500l4 4 4-4" />
    </>
  ),
  up: (
    <>
      <path d="M4 9.500l4-4 4 4" />
    </>
  ),
  right: (
    <>
      <path d="M6.500 4l4 4-4 4" />
    </>
  ),
  key: (
    <>
      <circle cx="5.300" cy="10.700" r="2.800" />
      <path d="M7.400 8.600L13.500 2.500M11 5l2 2" />
    </>
  ),
  eye: (
    <>
      <path d="M1.500 8S4 3.500 8 3.500 14.500 8 14.500 8 12 12.500 8 12.500 1.500 8 1.500 8z" />
      <circle cx="8" cy="8" r="2" />
    </>
  ),
  eyeoff: (
    <>
      <path d="M3.500 5.200C2.200 6.500 1.500 8 1.500 8S4 12.500 8 12.500c1 0 1.900-.3 2.700-.7M6.300 3.700C6.800 3.600 7.400 3.500 8 3.500c4 0 6.500 4.500 6.500 4.500s-.5.900-1.400 1.900M2.500 2.500l11 11" />
    </>
  ),
  plus: (
    <>
      <path d="M8 3v10M3 8h10" />
    </>
  ),
  minus: (
    <>
      <path d="M3.500 8h9" />
    </>
  ),
  pencil: (
    <>
      <path d="M3 13l.6-2.800L10.800 3l2.200 2.200L5.800 12.400z" />
    </>
  ),
  dl: (
    <>
      <path d="M8 2.500v7.500M4.800 7L8 10.200 11.200 7M2.800 13.500h10.400" />
    </>
  ),
  bolt: (
    <>
      <path d="M8.800 1.500L3.500 9h4l-.6 5.500L12.500 7H8.300z" />
    </>
  ),
  back: (
    <>
      <path d="M3 4.500h6.500a3.800 3.800 0 0 1 0 7.600H5" />
      <path d="M5.800 1.700L3 4.500l2.800 2.800" />
    </>
  ),
  x: (
    <>
      <path d="M4 4l8 8M12 4l-8 8" />
    </>
  ),
  sun: (
    <>
      <circle cx="8" cy="8" r="2.800" />
      <path d="M8 1.500v1M8 13.500v1M1.500 8h1M13.500 8h1M3.400 3.400l.7.7M11.900 11.900l.7.7M12.600 3.400l-.7.7M4.100 11.900l-.7.7" />
    </>
  ),
  half: (
    <>
      <circle cx="8" cy="8" r="5.800" />
      <path d="M8 2.200a5.800 5.800 0 0 1 0 11.600z" fill="currentColor" />
    </>
  ),
  help: (
    <>
      <path d="M5.800 6a2.300 2.300 0 1 1 3.400 2c-.8.4-1.200.9-1.200 1.700M8 12.300v.01" strokeWidth="1.600" />
    </>
  ),
  term: (
    <>
      <path d="M3 4.500L6.500 8 3 11.500M8.500 11.500H13" />
    </>
  ),
  globe: (
    <>
      <circle cx="8" cy="8" r="5.800" />
      <path d="M2.200 8h11.600M8 2.200c2 1.600 2.600 3.600 2.600 5.800S10 12.200 8 13.800C6 12.200 5.400 10.200 5.400 8S6 3.800 8 2.200z" />
    </>
  ),
  lock: (
    <>
      <rect x="3" y="7" width="10" height="6.500" rx="1.200" />
      <path d="M5.300 7V5a2.700 2.700 0 0 1 5.400 0v2" />
    </>
  ),
  shield: (
    <>
      <path d="M8 1.800l5.300 2v4c0 3-2.100 5.300-5.300 6.400-3.200-1.100-5.300-3.400-5.300-6.400v-4z" />
      <path d="M8 5v3.500M8 10.900v.01" />
    </>
  ),
  trash: (
    <>
      <path d="M2.800 4.500h10.400M6.300 4.500v-2h3.400v2M4.300 4.500l.6 9h6.200l.6-9" />
    </>
  ),
  keep: (
    <>
      <path d="M3 8.500l3.300 3.300L13 4.700" />
    </>
  ),
  info: (
    <>
      <circle cx="8" cy="8" r="5.800" />
      <path d="M8 7.500v3.300M8 5.200v.01" />
    </>
  ),
  git: (
    <>
      <circle cx="4.500" cy="3.800" r="1.600" />
      <circle cx="4.500" cy="12.200" r="1.600" />
      <circle cx="11.500" cy="5.500" r="1.600" />
      <path d="M4.500 5.400v5.200M11.500 7.100c0 2.400-3 2.200-5.500 3.800" />
    </>
  ),
} satisfies Record<string, ReactNode>;

export type Shape = keyof typeof SHAPES;
