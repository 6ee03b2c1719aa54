import {
  createTheme,
  type CSSVariablesResolver,
  type MantineColorsTuple,
} from '@mantine/core';

/** The one accent. Step 6 is used on light, step 5 on dark; both carry white text at 4.5:1 or better. */
const accent: MantineColorsTuple = [
  '#eef0fe', '#dde0fb', '#bac0f5', '#949df0', '#7480ea',
  '#5b68dd', '#4653cf', '#3a46b5', '#303a97', '#262e79',
];

const gray: MantineColorsTuple = [
  '#f8f8f9', '#f1f2f4', '#e5e6ea', '#d5d7dd', '#b9bcc5',
  '#8b8f9a', '#686c77', '#4b4f59', '#2f323a', '#191b20',
];

/** Mantine reads the dark scheme from this scale: 0 text, 2 dimmed, 4 borders, 6 surfaces, 7 page. */
const dark: MantineColorsTuple = [
  '#e4e6eb', '#c3c6cf', '#9a9eaa', '#6d717d', '#2b2e36',
  '#22252c', '#181a1f', '#101115', '#0c0d10', '#08090b',
];

/** Tokens of the domain: `[foreground, background]`. Each foreground reads at 4.5:1 on its background and on surfaces. */
type Tone = readonly [foreground: string, background: string];

const lightTones: Record<string, Tone> = {
  sev1: ['#b42318', '#fdecea'],
  sev2: ['#a84300', '#fff0e3'],
  sev3: ['#7d5700', '#fcf3d0'],
  sev4: ['#46566e', '#edf1f6'],
  detected: ['#b42318', '#fdecea'],
  acknowledged: ['#8a5300', '#fdf1dc'],
  investigating: ['#1a5ab8', '#e8f1fd'],
  mitigated: ['#6535b8', '#f2ebfd'],
  resolved: ['#156c46', '#e5f5ec'],
  learned: ['#0a6374', '#e2f4f6'],
  merged: ['#555964', '#f1f2f4'],
};

const darkTones: Record<string, Tone> = {
  sev1: ['#ff8d84', '#3a1a1a'],
  sev2: ['#ffaa66', '#362013'],
  sev3: ['#e8c757', '#2e2711'],
  sev4: ['#a9b7cb', '#1f252e'],
  detected: ['#ff8d84', '#3a1a1a'],
  acknowledged: ['#f2b552', '#322410'],
  investigating: ['#82b5ff', '#15263f'],
  mitigated: ['#c3a3ff', '#281d40'],
  resolved: ['#66d69f', '#12291e'],
  learned: ['#57cbd9', '#10282c'],
  merged: ['#a4a8b3', '#22252c'],
};

/** Categorical colours of charts, told apart by the colour-blind too (after Okabe and Ito, and Tol), 3:1 on surfaces. */
const lightSeries = ['#2f6fb7', '#c2570c', '#12805c', '#a8438f', '#8a6a00', '#0e7c93', '#b3324a', '#6a51b8', '#5a7312', '#6b5a4c'];
const darkSeries = ['#6cb0f5', '#f08a3c', '#3fc79a', '#e081c7', '#e0bd3c', '#4cc5de', '#f27a8e', '#a996f2', '#a8c64f', '#bda894'];

/** Log levels: `[light, dark]`, each 3:1 on its surface. */
const LEVEL_COLORS: Record<string, readonly [string, string]> = {
  fatal: ['#8f1d6b', '#e879c9'],
  error: ['#c62f24', '#ff7a70'],
  warn: ['#b06a00', '#efb04a'],
  info: ['#3374bd', '#62a2ea'],
  debug: ['#5f7a8c', '#8aa5b8'],
  trace: ['#84879a', '#777d8f'],
  unknown: ['#84878f', '#757b86'],
};

function chartVariables(dark: boolean): Record<string, string> {
  const levels = Object.entries(LEVEL_COLORS).map(([level, pair]) => [`--level-${level}`, pair[dark ? 1 : 0]]);
  const series = (dark ? darkSeries : lightSeries).map((color, index) => [`--series-${index}`, color]);
  return Object.fromEntries([...levels, ...series]) as Record<string, string>;
}

function toneVariables(tones: Record<string, Tone>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(tones).flatMap(([name, [foreground, background]]) => [
      [`--tone-${name}`, foreground],
      [`--tone-${name}-bg`, background],
    ]),
  );
}

/** The tokens that stylesheets use; the `--mantine-*` entries bend the library to the same values. */
export const cssVariablesResolver: CSSVariablesResolver = () => ({
  variables: {
    '--row-height': '40px',
    '--radius': '6px',
  },
  light: {
    ...toneVariables(lightTones),
    ...chartVariables(false),
    '--page': '#fafafb',
    '--surface': '#ffffff',
    '--hover': '#f4f5f7',
    '--selected': '#eef0fe',
    '--line': '#e5e6ea',
    '--line-strong': '#cfd2d9',
    '--control-line': '#8b8f9a',
    '--ink': '#191b20',
    '--ink-dim': '#5b5f6a',
    '--accent-ink': '#3a46b5',
    '--chart-opened': '#c2410c',
    '--chart-resolved': '#0f766e',
    '--mantine-color-body': '#fafafb',
    '--mantine-color-text': '#191b20',
    '--mantine-color-dimmed': '#5b5f6a',
    '--mantine-color-placeholder': '#6b6f7a',
    '--mantine-color-anchor': '#3a46b5',
    '--mantine-color-error': '#b42318',
    '--mantine-color-default-border': '#d5d7dd',
  },
  dark: {
    ...toneVariables(darkTones),
    ...chartVariables(true),
    '--page': '#101115',
    '--surface': '#15171b',
    '--hover': '#1c1e24',
    '--selected': '#1e2138',
    '--line': '#26282f',
    '--line-strong': '#3a3d47',
    '--control-line': '#6d717d',
    '--ink': '#e4e6eb',
    '--ink-dim': '#9a9eaa',
    '--accent-ink': '#a3abf5',
    '--chart-opened': '#fb923c',
    '--chart-resolved': '#2dd4bf',
    '--mantine-color-body': '#101115',
    '--mantine-color-text': '#e4e6eb',
    '--mantine-color-dimmed': '#9a9eaa',
    '--mantine-color-placeholder': '#858995',
    '--mantine-color-anchor': '#a3abf5',
    '--mantine-color-error': '#ff8d84',
    '--mantine-color-default': '#181a1f',
    '--mantine-color-default-border': '#33363f',
  },
});

const SURFACE = { background: 'var(--surface)' };

export const theme = createTheme({
  colors: { accent, gray, dark },
  primaryColor: 'accent',
  primaryShade: { light: 6, dark: 5 },
  fontFamily: "'Inter Variable', system-ui, sans-serif",
  fontFamilyMonospace: "'JetBrains Mono Variable', ui-monospace, monospace",
  defaultRadius: 'sm',
  cursorType: 'pointer',
  respectReducedMotion: true,
  fontSizes: { xs: '12px', sm: '13px', md: '14px', lg: '16px', xl: '20px' },
  spacing: { xs: '8px', sm: '12px', md: '16px', lg: '24px', xl: '32px' },
  radius: { xs: '4px', sm: '6px', md: '8px', lg: '12px', xl: '16px' },
  headings: {
    fontWeight: '600',
    sizes: {
      h1: { fontSize: '20px', lineHeight: '28px' },
      h2: { fontSize: '15px', lineHeight: '22px' },
      h3: { fontSize: '13px', lineHeight: '20px' },
    },
  },
  components: {
    Button: { defaultProps: { size: 'xs', fw: 500 } },
    InputWrapper: { styles: { label: { marginBottom: 4, fontWeight: 500 }, description: { marginTop: -2, marginBottom: 4 } } },
    TextInput: { defaultProps: { size: 'sm' } },
    PasswordInput: { defaultProps: { size: 'sm' } },
    Select: { defaultProps: { size: 'sm', checkIconPosition: 'right' } },
    ActionIcon: { defaultProps: { variant: 'subtle', color: 'gray' } },
    // By itself it would be for pointers only.
    Tooltip: { defaultProps: { openDelay: 300, withArrow: false, fz: 'xs', events: { hover: true, focus: true, touch: false } } },
    Notification: { defaultProps: { closeButtonProps: { 'aria-label': 'Dismiss' } } },
    // What is longer than the screen, such as many members or projects, scrolls.
    Menu: { defaultProps: { shadow: 'sm', position: 'bottom-end' }, styles: { dropdown: { maxHeight: '80dvh', overflowY: 'auto' } } },
    Modal: {
      defaultProps: { centered: true, overlayProps: { backgroundOpacity: 0.4 }, closeButtonProps: { 'aria-label': 'Close' } },
      styles: { title: { fontSize: 15, fontWeight: 600 }, content: SURFACE, header: SURFACE },
    },
    Drawer: { styles: { title: { fontSize: 15, fontWeight: 600 }, content: SURFACE, header: SURFACE } },
    SegmentedControl: { styles: { label: { fontWeight: 500 } } },
  },
});
