import js from '@eslint/js';
import hooks from 'eslint-plugin-react-hooks';
import ts from 'typescript-eslint';

/** Imports go one way: ui → components → forms, pages → routes. A folder may not import what stands after it. */
const ZONES = {
  util: ['api', 'hooks', 'ui', 'components', 'forms', 'pages', 'routes'],
  api: ['hooks', 'ui', 'components', 'forms', 'pages', 'routes'],
  hooks: ['ui', 'components', 'forms', 'pages', 'routes'],
  ui: ['components', 'forms', 'pages', 'routes'],
  components: ['forms', 'pages', 'routes'],
  forms: ['pages', 'routes'],
  pages: ['routes'],
};

const zones = Object.entries(ZONES).map(([folder, later]) => ({
  files: [`src/${folder}/**/*.{ts,tsx}`],
  rules: {
    '@typescript-eslint/no-restricted-imports': [
      'error',
      {
        patterns: later.map((one) => ({
          group: [`**/${one}/*`],
          message: `${folder} comes before ${one}: imports go ui → components → forms, pages → routes.`,
          // The contract's types are everybody's.
          allowTypeImports: folder === 'util' && one === 'api',
        })),
      },
    ],
  },
}));

export default ts.config(
  { ignores: ['dist', 'dist-mock', 'node_modules', 'src/api/schema.d.ts', 'playwright-report', 'test-results'] },
  js.configs.recommended,
  ...ts.configs.strict,
  {
    files: ['**/*.{ts,tsx}'],
    plugins: { 'react-hooks': hooks },
    rules: {
      'react-hooks/rules-of-hooks': 'error',
      'react-hooks/exhaustive-deps': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-invalid-void-type': 'off',
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true, named: true, defaultFrom: true, namedFrom: true } }],
      'no-console': 'error',
    },
  },
  { files: ['public/*.js'], languageOptions: { globals: { window: 'readonly', document: 'readonly' } } },
  { files: ['scripts/*.mjs'], languageOptions: { globals: { console: 'readonly', process: 'readonly', URL: 'readonly' } } },
  { files: ['e2e/**/*.ts'], rules: { 'no-console': 'off' } },
  { files: ['*.config.{js,ts}'], rules: { 'no-restricted-exports': 'off' } },
  ...zones,
);
