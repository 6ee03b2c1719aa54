import dagre from '@dagrejs/dagre';
import { Background, BackgroundVariant, Controls, Handle, MarkerType, Position, ReactFlow, type Edge, type Node, type NodeProps } from '@xyflow/react';
import '@xyflow/react/dist/base.css';
import { useMemo } from 'react';
import type { MapEdge, MapNode, ServiceMap } from '../api/traces';
import { exactCount, percent, rate, shortCount, shortDuration } from '../util/numbers';
import { callerId, errorState, nodeId, SERVICE } from '../util/service-map';
import classes from './ServiceMapView.module.css';

interface ServiceMapViewProps {
  map: ServiceMap;
  selected: string | undefined;
  onSelect: (service: string | undefined) => void;
}

const WIDTH = 184;
const HEIGHT = 66;

type ServiceNode = Node<{ node: MapNode; chosen: boolean }, 'service'>;

const NODE_TYPES = { service: ServiceBox };

/** Who calls whom, from left to right. Places depend only on which services and calls there are, so new numbers move nothing. */
export function ServiceMapView({ map, selected, onSelect }: ServiceMapViewProps) {
  const topology = useMemo(() => topologyOf(map), [map]);
  const places = useMemo(() => layout(topology), [topology]);
  const nodes = map.nodes.map((node): ServiceNode => ({
    id: nodeId(node.kind, node.service),
    type: 'service',
    position: places.get(nodeId(node.kind, node.service)) ?? { x: 0, y: 0 },
    data: { node, chosen: isService(node) && node.service === selected },
    selectable: isService(node),
    width: WIDTH,
    height: HEIGHT,
    ariaLabel: `${isService(node) ? '' : `${node.kind} `}${node.service}: ${rate(node.rate)}, ${percent(node.error_rate)} errors, 95th percentile ${shortDuration(node.p95_ms)}`,
  }));
  return (
    <div className={classes.map}>
      <ReactFlow
        key={topology}
        nodes={nodes}
        edges={map.edges.map((edge) => edgeOf(edge, callerId(map.nodes, edge.client)))}
        nodeTypes={NODE_TYPES}
        fitView
        fitViewOptions={{ padding: 0.12, maxZoom: 1 }}
        minZoom={0.2}
        maxZoom={1.6}
        nodesDraggable={false}
        nodesConnectable={false}
        edgesFocusable={false}
        preventScrolling={false}
        proOptions={{ hideAttribution: true }}
        onNodeClick={(_, { data: { node } }) => {
          if (isService(node)) onSelect(node.service === selected ? undefined : node.service);
        }}
        onNodesChange={(changes) => {
          const chosen = changes.find((change) => change.type === 'select' && change.selected);
          const node = chosen?.type === 'select' ? nodes.find(({ id }) => id === chosen.id)?.data.node : undefined;
          if (node) onSelect(node.service);
        }}
      >
        <Background variant={BackgroundVariant.Dots} gap={20} size={1} color="var(--line-strong)" />
        <Controls showInteractive={false} position="bottom-right" />
      </ReactFlow>
    </div>
  );
}

function ServiceBox({ data: { node, chosen } }: NodeProps<ServiceNode>) {
  return (
    <div className={classes.box} data-kind={node.kind} data-state={errorState(node.error_rate)} data-chosen={chosen || undefined}>
      <Handle type="target" position={Position.Left} className={classes.handle} />
      <strong className={classes.name} title={node.service}>
        {node.service}
      </strong>
      <span className={classes.numbers}>
        {rate(node.rate)} · {shortDuration(node.p95_ms)}
      </span>
      <span className={classes.errors}>
        {!isService(node) && `${node.kind} · `}
        {percent(node.error_rate)} errors
      </span>
      <Handle type="source" position={Position.Right} className={classes.handle} />
    </div>
  );
}

function edgeOf({ client, server, server_kind: kind, count, error_rate: errorRate, p95_ms: p95 }: MapEdge, source: string): Edge {
  const failing = errorState(errorRate) === 'failing';
  const color = failing ? 'var(--level-error)' : 'var(--control-line)';
  return {
    id: `${client}→${kind} ${server}`,
    source,
    target: nodeId(kind, server),
    label: failing ? `${shortCount(count)} · ${percent(errorRate)} err` : shortCount(count),
    ariaLabel: `${client} calls ${server}: ${exactCount(count)} times, ${percent(errorRate)} errors, ${shortDuration(p95)}`,
    style: { stroke: color, strokeWidth: failing ? 2 : 1.2, ...(failing && { strokeDasharray: '6 3' }) },
    markerEnd: { type: MarkerType.ArrowClosed, color, width: 16, height: 16 },
    labelStyle: { fill: 'var(--ink-dim)', fontSize: 11 },
    labelBgStyle: { fill: 'var(--surface)' },
  };
}

function isService({ kind }: MapNode): boolean {
  return kind === SERVICE;
}

/** Which services and calls there are, as one text. */
function topologyOf({ nodes, edges }: ServiceMap): string {
  return JSON.stringify([nodes.map(({ kind, service }) => nodeId(kind, service)).sort(), edges.map(({ client, server, server_kind: kind }) => [callerId(nodes, client), nodeId(kind, server)]).sort()]);
}

function layout(topology: string): Map<string, { x: number; y: number }> {
  const [services, calls] = JSON.parse(topology) as [string[], [string, string][]];
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: 'LR', nodesep: 28, ranksep: 110 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const service of services) graph.setNode(service, { width: WIDTH, height: HEIGHT });
  for (const [client, server] of calls) {
    if (graph.hasNode(client) && graph.hasNode(server)) graph.setEdge(client, server);
  }
  dagre.layout(graph);
  return new Map(services.map((service) => {
    const { x = 0, y = 0 } = graph.node(service) as { x?: number; y?: number };
    return [service, { x: x - WIDTH / 2, y: y - HEIGHT / 2 }];
  }));
}
