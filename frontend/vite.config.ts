import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

// Where `npm run dev` finds the API: a running `infrakt serve`, or the fixtures of dev/fixture.mjs.
const api = process.env.INFRAKT_API ?? "http://127.0.0.1:8000";

// Beside each script and style the smallest ones: there is time for that here, and none where it is sent.
const small: Plugin = {
  name: "small",
  apply: "build",
  writeBundle({ dir = "dist" }, bundle) {
    for (const name of Object.keys(bundle).filter((one) => /\.(js|css)$/.test(one))) {
      const file = join(dir, name);
      const whole = readFileSync(file);
      writeFileSync(`${file}.br`, brotliCompressSync(whole));
      writeFileSync(`${file}.gz`, gzipSync(whole, { level: 9 }));
    }
  },
};

export default defineConfig({
  plugins: [react(), tailwindcss(), small],
  resolve: {
    alias: {
      // The library writes a <style> element, which the page's content security policy forbids.
      "react-remove-scroll": fileURLToPath(new URL("./src/ui/scroll-lock.tsx", import.meta.url)),
    },
  },
  server: {
    port: 5173,
    strictPort: true,
    proxy: { "/api": { target: api, changeOrigin: true, headers: { Origin: api } } },
  },
  build: {
    outDir: "dist",
    target: ["chrome123", "firefox121", "safari17.5"],
    // Nothing is put into the document as data: the policy allows only files of this origin.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  test: { include: ["src/**/*.test.{ts,tsx}"], restoreMocks: true },
});
