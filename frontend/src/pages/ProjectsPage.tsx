import { Button, Group, Stack } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient, type QueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { may } from '../api/auth';
import { keys } from '../api/keys';
import { asProblem } from '../api/problem';
import { archiveProject, projectsQuery, restoreProject } from '../api/tenant';
import type { Project } from '../api/types';
import { TenantErasure } from '../components/TenantErasure';
import { TenantExport } from '../components/TenantExport';
import { ProjectForm } from '../forms/ProjectForm';
import { TenantForm } from '../forms/TenantForm';
import { tellProblem } from '../hooks/tellProblem';
import { useMe, useProject } from '../hooks/useProject';
import { ConfirmByName } from '../ui/ConfirmByName';
import { DataTable, type Column } from '../ui/DataTable';
import { Dialog } from '../ui/Dialog';
import { Panel } from '../ui/Panel';
import { QueryView } from '../ui/QueryView';
import { RelativeTime } from '../ui/RelativeTime';
import { RowSkeleton } from '../ui/RowSkeleton';

type Editing = 'new' | Project | null;

export function ProjectsPage() {
  const current = useProject();
  const query = useQuery(projectsQuery(current));
  const me = useMe();
  const mayWrite = may(me, 'project.manage');
  const [editing, setEditing] = useState<Editing>(null);
  const [archiving, setArchiving] = useState<Project | null>(null);
  const columns = useMemo(
    () => projectColumns(current, mayWrite ? { onRename: setEditing, onArchive: setArchiving } : undefined),
    [current, mayWrite],
  );
  const close = () => setEditing(null);
  return (
    <Stack gap="md">
      <Panel
        title="Projects"
        count={query.data?.length}
        flush
        actions={
          mayWrite && (
            <Button leftSection={<IconPlus size={14} />} onClick={() => setEditing('new')}>
              Create project
            </Button>
          )
        }
      >
        <QueryView query={query} skeleton={<RowSkeleton rows={3} height={41} />}>
          {(rows) => (
            <DataTable label="Projects" columns={columns} rows={rows} rowId={(row) => row.id} isDim={(row) => Boolean(row.archived_at)} />
          )}
        </QueryView>
        <Dialog opened={editing !== null} onClose={close} title={editing === 'new' ? 'Create a project' : 'Rename project'} holds="form">
          {editing && <ProjectForm project={editing === 'new' ? undefined : editing} onDone={close} />}
        </Dialog>
        {archiving && <ArchiveProject project={archiving} onClose={() => setArchiving(null)} />}
      </Panel>
      {may(me, 'tenant.manage') && (
        <Panel title="Organisation">
          <TenantForm name={me?.tenant.name ?? ''} key={me?.tenant.name} />
        </Panel>
      )}
      {may(me, 'tenant.export') && (
        <Panel title="Export">
          <TenantExport />
        </Panel>
      )}
      {may(me, 'tenant.erase') && (
        <Panel title="Danger zone">
          <TenantErasure />
        </Panel>
      )}
    </Stack>
  );
}

interface Acts {
  onRename: (project: Project) => void;
  onArchive: (project: Project) => void;
}

function projectColumns(current: string, acts: Acts | undefined): readonly Column<Project>[] {
  return [
    {
      id: 'name',
      header: 'Name',
      cell: (row) =>
        row.archived_at ? (
          <>
            {row.name} <span className="dim">(archived)</span>
          </>
        ) : (
          <>
            <Link to="/p/$project" params={{ project: row.id }} style={{ fontWeight: 500, color: 'inherit' }}>
              {row.name}
            </Link>{' '}
            {row.id === current && <span className="dim">(current)</span>}
          </>
        ),
    },
    { id: 'slug', header: 'Slug', width: 160, from: 'medium', cell: (row) => <span className="mono dim">{row.slug}</span> },
    { id: 'created', header: 'Created', width: 120, from: 'medium', cell: (row) => <RelativeTime at={row.created_at} className="dim" /> },
    {
      id: 'act',
      header: '',
      width: 164,
      align: 'right',
      cell: (row) => acts && <ProjectActs project={row} current={current} acts={acts} />,
    },
  ];
}

function ProjectActs({ project, current, acts }: { project: Project; current: string; acts: Acts }) {
  const client = useQueryClient();
  const restore = useMutation({
    mutationFn: () => restoreProject(project.id),
    onError: tellProblem,
    onSettled: () => refetch(client, current),
  });
  if (project.archived_at) {
    return (
      <Button variant="default" size="compact-xs" aria-label={`Restore ${project.name}`} loading={restore.isPending} onClick={() => restore.mutate()}>
        Restore
      </Button>
    );
  }
  return (
    <Group gap={6} justify="flex-end" wrap="nowrap">
      <Button variant="default" size="compact-xs" aria-label={`Rename ${project.name}`} onClick={() => acts.onRename(project)}>
        Rename
      </Button>
      {project.id !== current && (
        <Button variant="default" size="compact-xs" aria-label={`Archive ${project.name}`} onClick={() => acts.onArchive(project)}>
          Archive
        </Button>
      )}
    </Group>
  );
}

function ArchiveProject({ project, onClose }: { project: Project; onClose: () => void }) {
  const client = useQueryClient();
  const current = useProject();
  const archive = useMutation({
    mutationFn: () => archiveProject(project.id),
    onSuccess: async () => {
      onClose();
      await refetch(client, current);
    },
  });
  return (
    <ConfirmByName
      opened
      title="Archive project"
      name={project.name}
      act="Archive project"
      pending={archive.isPending}
      problem={archive.error ? asProblem(archive.error) : null}
      onConfirm={() => archive.mutate()}
      onClose={onClose}
    >
      Nobody works in <strong>{project.name}</strong> any more and its keys are revoked for good, so its agents are refused.
      What it holds stays, and it can be restored.
    </ConfirmByName>
  );
}

async function refetch(client: QueryClient, project: string): Promise<void> {
  await client.invalidateQueries({ queryKey: keys.projects(project) });
  await client.invalidateQueries({ queryKey: keys.me });
}
