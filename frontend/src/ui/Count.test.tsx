import { MantineProvider } from '@mantine/core';
import { render, screen } from '@testing-library/react';
import { expect, it } from 'vitest';
import { Count } from './Count';

const show = (value: number) => render(<MantineProvider env="test"><button><Count value={value} /></button></MantineProvider>);

it('says exactly to whoever listens what it shows in short', () => {
  show(1_234_567);
  expect(screen.getByRole('button', { name: '1,234,567' }).textContent).toContain('1.2M');
});

it('says once what is short as it is', () => {
  show(214);
  expect(screen.getByRole('button').textContent).toBe('214');
});
