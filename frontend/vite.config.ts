import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// Where `npm run dev` finds the API: a running `infrakt serve`, or the fixtures of dev/fixture.mjs.
const api = process.env.INFRAKT_API ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react(), tailwindcss()],
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
