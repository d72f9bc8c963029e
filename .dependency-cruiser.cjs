const { Visitor } = require('@swc/core/Visitor.js');

// The visitor predates `using`, whose declarators are those of any variable.
const { visitStatement } = Visitor.prototype;
Visitor.prototype.visitStatement = function (statement) {
  if (statement.type !== 'UsingDeclaration') return visitStatement.call(this, statement);
  statement.decls = this.visitVariableDeclarators(statement.decls);
  return statement;
};

// Who may import whom (docs/decisions/0001-layers.md). Code is found by path, never imported, where a
// layer has to start another one: infra bundles the handlers, the command line starts local and bridge.
const only = (layer, allowed) => ({
  name: `${layer}-imports-only-${allowed.join('-and-') || 'itself'}`,
  severity: 'error',
  from: { path: `^${layer}/` },
  to: {
    path: '^(shared|bridge|functions|infra|cli|local|test|bench)/',
    pathNot: `^(${[layer, ...allowed].join('|')})/`,
  },
});

module.exports = {
  forbidden: [
    only('shared', []),
    only('bridge', ['shared']),
    only('functions', ['shared']),
    only('cli', ['shared']),
    only('infra', ['shared']),
    only('local', ['shared', 'bridge', 'functions', 'infra', 'cli']),
    {
      name: 'shared-is-pure',
      comment: 'The domain has no I/O: node:crypto for digests is all it takes from the platform.',
      severity: 'error',
      from: { path: '^shared/' },
      to: { dependencyTypes: ['core'], pathNot: '^crypto$' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-development-packages-in-the-product',
      severity: 'error',
      from: { path: '^(shared|bridge|functions|cli|local)/' },
      to: { dependencyTypes: ['npm-dev'], pathNot: '/@types/' },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // TypeScript 7 has no compiler API that dependency-cruiser could use; swc sees type imports too.
    parser: 'swc',
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
