import { expect, test, type Page } from '@playwright/test';
import { logIn, PROJECT } from '../pages';
import { fail } from './failing';

const PATH = `/p/${PROJECT}/settings/single-sign-on`;

/** Where a sign-on would leave to the provider, it stays here: the mock has none. */
async function holdBack(page: Page): Promise<string[]> {
  const left: string[] = [];
  await page.route('**/api/v1/auth/oidc/*/start*', (route) => {
    left.push(new URL(route.request().url()).search);
    return route.fulfill({ contentType: 'text/html', body: '<title>Provider</title><h1>Provider</h1>' });
  });
  return left;
}

async function setUp(page: Page): Promise<void> {
  await page.goto(PATH);
  await page.getByRole('button', { name: 'Set up' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Issuer').fill('https://login.nordlicht.example/realms/ops');
  await dialog.getByLabel('Client id').fill('sre-copilot');
  await dialog.getByLabel('Client secret').fill('a secret of the client');
  await dialog.getByRole('button', { name: 'Add group' }).click();
  await dialog.getByLabel('Group 1', { exact: true }).fill('platform');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(dialog).toBeHidden();
}

test('a provider is tried, set up with its groups, changed and removed', async ({ page }) => {
  await logIn(page);
  await page.goto(PATH);
  await expect(page.getByRole('region', { name: 'Redirect URI' })).toContainText('/callback');
  await expect(page.getByRole('region', { name: 'Logout URI' })).toContainText('/logout');
  await page.getByRole('button', { name: 'Set up' }).click();
  const dialog = page.getByRole('dialog');
  const tried = dialog.getByRole('button', { name: 'Test provider' });
  await expect(tried).toBeDisabled();
  await dialog.getByLabel('Issuer').fill('http://login.nordlicht.example');
  await tried.click();
  await expect(dialog.getByRole('alert')).toContainText('must begin with https://');
  await dialog.getByLabel('Issuer').fill('https://nobody.example');
  await tried.click();
  await expect(dialog.getByRole('alert')).toContainText('404 Not Found');
  await dialog.getByLabel('Issuer').fill('https://login.nordlicht.example/realms/ops');
  await tried.click();
  await expect(dialog.getByRole('status')).toContainText('People sign in at login.nordlicht.example');

  await dialog.getByLabel('Client id').fill('sre-copilot');
  await dialog.getByLabel('Client secret').fill('a secret of the client');
  await dialog.getByLabel('Everybody else').first().click();
  await page.getByRole('option', { name: 'viewer' }).click();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(dialog.getByRole('alert')).toContainText('name the e-mail domains');
  await dialog.getByLabel('E-mail domains').fill('nordlicht.example');
  await dialog.getByLabel('E-mail domains').press('Enter');
  await dialog.getByRole('button', { name: 'Add group' }).click();
  await dialog.getByLabel('Group 1', { exact: true }).fill('platform');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(dialog).toBeHidden();

  const table = page.getByRole('table', { name: 'Single sign-on' });
  await expect(table).toContainText('platform: engineer');
  await expect(table).toContainText('kept sealed');
  await expect(page.locator('body')).not.toContainText('a secret of the client');

  await page.getByRole('button', { name: 'Change' }).click();
  await expect(dialog.getByLabel('Client secret')).toHaveValue('');
  await dialog.getByLabel('Methods (amr)').fill('mfa');
  await dialog.getByLabel('Methods (amr)').press('Enter');
  await dialog.getByLabel('Members may still log in with a password').uncheck({ force: true });
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(table).toContainText('owners only');
  await expect(table.getByRole('row', { name: /Methods \(amr\)/ })).toContainText('mfa');
  await expect(table.getByRole('row', { name: /Context classes \(acr\)/ })).toContainText('any');

  await page.getByRole('button', { name: 'Remove', exact: true }).click();
  await page.getByLabel('Type “sre-copilot” to confirm').fill('sre-copilot');
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await expect(page.getByText('Members log in with passwords')).toBeVisible();
});

test('an address leads to its provider, which the browser then knows', async ({ page }) => {
  const left = await holdBack(page);
  await page.goto(`/p/${PROJECT}/alerts?status=resolved`);
  await page.getByRole('button', { name: 'Continue with SSO' }).click();
  await page.getByLabel('Work e-mail').fill('mira@elsewhere.example');
  await page.getByRole('button', { name: 'Find my organisation' }).click();
  await expect(page.getByRole('alert')).toContainText('No provider is known for this address');
  await page.getByLabel('Work e-mail').fill('mira@nordlicht.example');
  await page.getByRole('button', { name: 'Find my organisation' }).click();
  await page.getByRole('link', { name: 'Continue at login.nordlicht.example' }).click();
  await expect(page.getByRole('heading', { name: 'Provider' })).toBeVisible();
  expect(new URLSearchParams(left[0]).get('return_to')).toBe(`/p/${PROJECT}/alerts?status=resolved`);

  await page.goto('/login');
  await expect(page.getByRole('link', { name: 'Continue at login.nordlicht.example' })).toBeVisible();
  await page.getByRole('button', { name: 'Another organisation' }).click();
  await expect(page.getByRole('button', { name: 'Continue with SSO' })).toBeVisible();
});

test('what became of a sign-on is told in our own words', async ({ page }) => {
  await page.goto('/login?sign_on=no_access');
  await expect(page.getByRole('alert')).toContainText('you have no access here');
  await page.goto('/login?sign_on=stronger');
  await expect(page.getByRole('alert')).toContainText('asks for a stronger sign-in');
  await page.goto('/login?sign_on=<script>');
  await expect(page.getByRole('heading', { name: 'Log in' })).toBeVisible();
  await expect(page.getByRole('alert')).toHaveCount(0);
});

test('an account is linked from its own security page', async ({ page }) => {
  const left = await holdBack(page);
  await logIn(page);
  await setUp(page);
  await page.goto(`/p/${PROJECT}/settings/security`);
  await page.getByRole('button', { name: 'Link my account' }).click();
  const proof = page.getByRole('dialog', { name: 'Is it still you?' });
  expect(left).toEqual([]);
  await proof.getByLabel('Password', { exact: true }).fill('correct horse battery staple');
  await proof.getByRole('button', { name: 'Go on' }).click();
  await expect(page.getByRole('heading', { name: 'Provider' })).toBeVisible();
  expect(new URLSearchParams(left[0]).get('link')).toBe('true');
});

/** Whoever is signed in has come by the provider. */
async function comeByTheProvider(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const real = window.fetch;
    window.fetch = async (input, init) => {
      const answer = await real(input, init);
      const url = new URL(input instanceof Request ? input.url : input, window.location.origin);
      if (url.pathname !== '/api/v1/auth/me' || !answer.ok) return answer;
      return Response.json({ ...((await answer.json()) as object), single_sign_on: true });
    };
  });
}

test('what was typed is there again after a proof at the provider, but for the secret', async ({ page }) => {
  await holdBack(page);
  await logIn(page);
  await comeByTheProvider(page);
  await page.goto(PATH);
  await page.getByRole('button', { name: 'Set up' }).click();
  const form = page.getByRole('dialog', { name: 'Single sign-on' });
  await form.getByLabel('Issuer').fill('https://login.nordlicht.example/realms/ops');
  await form.getByLabel('Client id').fill('sre-copilot');
  await form.getByLabel('Client secret').fill('a secret of the client');
  await form.getByRole('button', { name: 'Add group' }).click();
  await form.getByLabel('Group 1', { exact: true }).fill('platform');
  await fail(page, { on: 'PUT /api/v1/single-sign-on', times: 1, how: 403, body: { rule: 'proof_needed', title: 'Forbidden' } });
  await form.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('dialog', { name: 'Is it still you?' }).getByRole('link', { name: 'Sign in again' }).click();
  await expect(page.getByRole('heading', { name: 'Provider' })).toBeVisible();

  await page.goto(PATH);
  await expect(form.getByLabel('Issuer')).toHaveValue('https://login.nordlicht.example/realms/ops');
  await expect(form.getByLabel('Client id')).toHaveValue('sre-copilot');
  await expect(form.getByLabel('Group 1', { exact: true })).toHaveValue('platform');
  await expect(form.getByLabel('Client secret')).toHaveValue('');
  const stored = await page.evaluate(() => JSON.stringify([Object.entries(sessionStorage), Object.entries(localStorage)]));
  expect(stored).not.toContain('a secret of the client');
  await form.getByLabel('Client secret').fill('a secret of the client');
  await form.getByRole('button', { name: 'Save' }).click();
  await expect(form).toBeHidden();
  await page.reload();
  await expect(page.getByRole('table', { name: 'Single sign-on' })).toContainText('platform: engineer');
  await expect(form).toHaveCount(0);
});
