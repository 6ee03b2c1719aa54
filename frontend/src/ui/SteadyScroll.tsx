import { Component, type RefObject } from 'react';
import { ROW_ID_ATTRIBUTE } from '../hooks/useListKeys';

interface SteadyScrollProps {
  table: RefObject<HTMLTableElement | null>;
  ids: readonly string[];
}

/** The topmost row on the screen, before rows come or go. */
interface Anchor {
  id: string;
  index: number;
  top: number;
  height: number;
}

const FRAMES = 3;

/**
 * Keeps what is being read where it is when rows come in above it. Browsers do so by themselves, but not in a list of
 * which only the rows near the screen are in the document. A class, because only a class sees the page between the
 * decision and the change.
 */
export class SteadyScroll extends Component<SteadyScrollProps> {
  override getSnapshotBeforeUpdate(before: SteadyScrollProps): Anchor | null {
    const { table, ids } = this.props;
    const same = before.ids.length === ids.length && before.ids.every((id, index) => id === ids[index]);
    const list = table.current;
    // At the top of the list the newest is what one wants to see.
    if (same || !list || list.getBoundingClientRect().top >= 0) return null;
    for (const row of list.querySelectorAll(`[${ROW_ID_ATTRIBUTE}]`)) {
      const { top, height } = row.getBoundingClientRect();
      const id = row.getAttribute(ROW_ID_ATTRIBUTE);
      if (top >= 0 && id) return { id, index: before.ids.indexOf(id), top, height };
    }
    return null;
  }

  override componentDidUpdate(_props: SteadyScrollProps, _state: unknown, anchor: Anchor | null): void {
    if (!anchor) return;
    window.scrollBy({ top: this.moved(anchor), behavior: 'instant' });
    this.hold(anchor, FRAMES);
  }

  override render() {
    return null;
  }

  /** Again after the next frames: what the move brings into the document is not as high as it was thought to be. */
  private hold(anchor: Anchor, frames: number): void {
    requestAnimationFrame(() => {
      const row = this.row(anchor.id);
      if (row) window.scrollBy({ top: row.getBoundingClientRect().top - anchor.top, behavior: 'instant' });
      if (frames > 1) this.hold(anchor, frames - 1);
    });
  }

  private row(id: string): Element | null | undefined {
    return this.props.table.current?.querySelector(`[${ROW_ID_ATTRIBUTE}="${CSS.escape(id)}"]`);
  }

  private moved({ id, index, top, height }: Anchor): number {
    const row = this.row(id);
    if (row) return row.getBoundingClientRect().top - top;
    const now = this.props.ids.indexOf(id);
    return now < 0 || index < 0 ? 0 : (now - index) * height;
  }
}
