/// <reference types="vite/client" />

/** True in `npm run dev` without VITE_API and in `--mode mock`; a constant, so that a release build drops the mock. */
declare const __MOCK_API__: boolean;
