import { render, screen } from '@testing-library/react';
import { expect, it } from 'vitest';
import { Superseded } from './Superseded';

const show = (props: { when: boolean; empty?: boolean }) =>
  render(
    <Superseded {...props} skeleton={<p>Loading</p>}>
      <p>rows</p>
    </Superseded>,
  );

it('keeps the answer before, and says that another is on its way', () => {
  show({ when: true });
  expect(screen.getByText('rows').parentElement?.getAttribute('aria-busy')).toBe('true');
});

it('does not say of what is asked now that there is nothing, because there was nothing before', () => {
  show({ when: true, empty: true });
  expect(screen.queryByText('rows')).toBeNull();
  expect(screen.getByText('Loading')).toBeTruthy();
});

it('says so once the answer is the one that was asked for', () => {
  show({ when: false, empty: true });
  expect(screen.getByText('rows').parentElement?.getAttribute('aria-busy')).toBe('false');
});
