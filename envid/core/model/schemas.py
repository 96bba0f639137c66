"""What pydantic made of this project's models: written by ``script/prepare-models``, never by hand."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["MADE_FOR", "SCHEMAS"]

MADE_FOR = "2.50.4"
"""The version of pydantic's core that these schemas are for."""

SCHEMAS: Final[dict[str, Any]] = {
 'envid.adapters.bun_binary:BunPin': {
  'type': 'model',
  'cls': {'$object': 'envid.adapters.bun_binary:BunPin'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'version': {
     'type': 'model-field',
     'schema': {'type': 'str', 'pattern': '^[0-9]+\\.[0-9]+\\.[0-9]+$'},
     'validation_alias': 'version',
     'serialization_alias': 'version'},
    'packages': {
     'type': 'model-field',
     'schema': {
      'type': 'dict',
      'keys_schema': {'type': 'str'},
      'values_schema': {'$model': 'envid.adapters.bun_binary:_Package'}},
     'validation_alias': 'packages',
     'serialization_alias': 'packages'}},
   'model_name': 'BunPin',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'BunPin'}},
 'envid.adapters.bun_binary:_Package': {
  'type': 'model',
  'cls': {'$object': 'envid.adapters.bun_binary:_Package'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'name': {
     'type': 'model-field',
     'schema': {'type': 'str', 'pattern': '^@oven/bun-[a-z0-9-]+$'},
     'validation_alias': 'name',
     'serialization_alias': 'name'},
    'integrity': {
     'type': 'model-field',
     'schema': {'type': 'str', 'pattern': '^sha512-[A-Za-z0-9+/]{86}==$'},
     'validation_alias': 'integrity',
     'serialization_alias': 'integrity'}},
   'model_name': '_Package',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': '_Package'}},
 'envid.adapters.cluster_settings:ClusterSettings': {
  'type': 'model',
  'cls': {'$object': 'envid.adapters.cluster_settings:ClusterSettings'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'argocd_namespace': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {'type': 'str', 'pattern': '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'},
      'default': 'argocd'},
     'validation_alias': 'argocdNamespace',
     'serialization_alias': 'argocdNamespace'},
    'proxy': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {'type': 'nullable', 'schema': {'type': 'str', 'max_length': 256, 'pattern': '^https?://[^\\s@]+$'}},
      'default': 'http://127.0.0.1:10808'},
     'validation_alias': 'proxy',
     'serialization_alias': 'proxy'},
    'no_proxy': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {
       'type': 'tuple',
       'items_schema': [{'type': 'str', 'pattern': '^\\.?[A-Za-z0-9.-]+(:[0-9]{1,5})?$'}],
       'variadic_item_index': 0,
       'strict': False},
      'default': ('hyueapi.com', '.hyueapi.com')},
     'validation_alias': 'noProxy',
     'serialization_alias': 'noProxy'},
    'service_cidr': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {'type': 'str', 'pattern': '^[0-9a-fA-F.:]+/[0-9]{1,3}$'},
      'default': '10.43.0.0/16'},
     'validation_alias': 'serviceCidr',
     'serialization_alias': 'serviceCidr'},
    'buildkit_secret': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {'type': 'nullable', 'schema': {'type': 'str', 'pattern': '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'}},
      'default': None},
     'validation_alias': 'buildkitSecret',
     'serialization_alias': 'buildkitSecret'},
    'rootless_buildkit': {
     'type': 'model-field',
     'schema': {'type': 'default', 'schema': {'type': 'bool'}, 'default': False},
     'validation_alias': 'rootlessBuildkit',
     'serialization_alias': 'rootlessBuildkit'},
    'workspace_storage': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {'type': 'str', 'pattern': '^[1-9][0-9]{0,5}(Mi|Gi|Ti)$'},
      'default': '4Gi'},
     'validation_alias': 'workspaceStorage',
     'serialization_alias': 'workspaceStorage'},
    'buildkit_storage': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {'type': 'str', 'pattern': '^[1-9][0-9]{0,5}(Mi|Gi|Ti)$'},
      'default': '20Gi'},
     'validation_alias': 'buildkitStorage',
     'serialization_alias': 'buildkitStorage'},
    'mirror_storage': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {'type': 'str', 'pattern': '^[1-9][0-9]{0,5}(Mi|Gi|Ti)$'},
      'default': '5Gi'},
     'validation_alias': 'mirrorStorage',
     'serialization_alias': 'mirrorStorage'}},
   'model_name': 'ClusterSettings',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'ClusterSettings'}},
 'envid.adapters.settings:BuildKitCertificates': {
  'type': 'model',
  'cls': {'$object': 'envid.adapters.settings:BuildKitCertificates'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'ca': {'type': 'model-field', 'schema': {'type': 'str'}, 'validation_alias': 'ca', 'serialization_alias': 'ca'},
    'cert': {
     'type': 'model-field',
     'schema': {'type': 'str'},
     'validation_alias': 'cert',
     'serialization_alias': 'cert'},
    'key': {
     'type': 'model-field',
     'schema': {'type': 'str'},
     'validation_alias': 'key',
     'serialization_alias': 'key'}},
   'model_name': 'BuildKitCertificates',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'BuildKitCertificates'}},
 'envid.adapters.settings:Settings': {
  'type': 'model',
  'cls': {'$object': 'envid.adapters.settings:Settings'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'project': {
     'type': 'model-field',
     'schema': {'type': 'default', 'schema': {'type': 'str'}, 'default': 'agentrun'},
     'validation_alias': 'project',
     'serialization_alias': 'project'},
    'lane': {
     'type': 'model-field',
     'schema': {'type': 'default', 'schema': {'type': 'str'}, 'default': 'v0.1'},
     'validation_alias': 'lane',
     'serialization_alias': 'lane'},
    'site': {
     'type': 'model-field',
     'schema': {'type': 'default', 'schema': {'type': 'str'}, 'default': 'g14'},
     'validation_alias': 'site',
     'serialization_alias': 'site'},
    'repository': {
     'type': 'model-field',
     'schema': {'type': 'default', 'schema': {'type': 'str'}, 'default': 'pikasTech/agentrun.git'},
     'validation_alias': 'repository',
     'serialization_alias': 'repository'},
    'source_repo': {
     'type': 'model-field',
     'schema': {'type': 'default', 'schema': {'type': 'str'}, 'default': 'git@github.com:pikasTech/agentrun.git'},
     'validation_alias': 'sourceRepo',
     'serialization_alias': 'sourceRepo'},
    'registry': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {'type': 'str', 'pattern': '^[A-Za-z0-9.-]+(:[0-9]{1,5})?$|^\\[[0-9A-Fa-f:]+\\](:[0-9]{1,5})?$'},
      'default': '127.0.0.1:5000'},
     'validation_alias': 'registry',
     'serialization_alias': 'registry'},
    'mirror_read_url': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {'type': 'nullable', 'schema': {'type': 'str', 'max_length': 1024, 'pattern': '^https?://[^\\s@]+$'}},
      'default': None},
     'validation_alias': 'mirrorReadUrl',
     'serialization_alias': 'mirrorReadUrl'},
    'mirror_write_url': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {'type': 'nullable', 'schema': {'type': 'str', 'max_length': 1024, 'pattern': '^https?://[^\\s@]+$'}},
      'default': None},
     'validation_alias': 'mirrorWriteUrl',
     'serialization_alias': 'mirrorWriteUrl'},
    'buildkit_host': {
     'type': 'model-field',
     'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'str'}}, 'default': None},
     'validation_alias': 'buildkitHost',
     'serialization_alias': 'buildkitHost'},
    'buildkit_tls': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {'type': 'nullable', 'schema': {'$model': 'envid.adapters.settings:BuildKitCertificates'}},
      'default': None},
     'validation_alias': 'buildkitTls',
     'serialization_alias': 'buildkitTls'},
    'ca_bundle': {
     'type': 'model-field',
     'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'str'}}, 'default': None},
     'validation_alias': 'caBundle',
     'serialization_alias': 'caBundle'},
    'cache_from': {
     'type': 'model-field',
     'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'str'}}, 'default': None},
     'validation_alias': 'cacheFrom',
     'serialization_alias': 'cacheFrom'},
    'cache_to': {
     'type': 'model-field',
     'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'str'}}, 'default': None},
     'validation_alias': 'cacheTo',
     'serialization_alias': 'cacheTo'},
    'insecure_registries': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {
       'type': 'tuple',
       'items_schema': [{'type': 'str', 'pattern': '^[A-Za-z0-9.-]+(:[0-9]{1,5})?$|^\\[[0-9A-Fa-f:]+\\](:[0-9]{1,5})?$'}],
       'variadic_item_index': 0,
       'strict': False},
      'default': ()},
     'validation_alias': 'insecureRegistries',
     'serialization_alias': 'insecureRegistries'},
    'trusted_realms': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {
       'type': 'dict',
       'keys_schema': {'type': 'str', 'pattern': '^[A-Za-z0-9.-]+(:[0-9]{1,5})?$|^\\[[0-9A-Fa-f:]+\\](:[0-9]{1,5})?$'},
       'values_schema': {
        'type': 'tuple',
        'items_schema': [{'type': 'str', 'pattern': '^[A-Za-z0-9.-]+(:[0-9]{1,5})?$|^\\[[0-9A-Fa-f:]+\\](:[0-9]{1,5})?$'}],
        'variadic_item_index': 0,
        'strict': False}},
      'default_factory': {'$object': 'builtins:dict'},
      'default_factory_takes_data': False},
     'validation_alias': 'trustedRealms',
     'serialization_alias': 'trustedRealms'},
    'registry_path_prefixes': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {
       'type': 'dict',
       'keys_schema': {'type': 'str', 'pattern': '^[A-Za-z0-9.-]+(:[0-9]{1,5})?$|^\\[[0-9A-Fa-f:]+\\](:[0-9]{1,5})?$'},
       'values_schema': {'type': 'str', 'pattern': '^(/[A-Za-z0-9._~-]+)+$'}},
      'default_factory': {'$object': 'builtins:dict'},
      'default_factory_takes_data': False},
     'validation_alias': 'registryPathPrefixes',
     'serialization_alias': 'registryPathPrefixes'},
    'signing': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {'$model': 'envid.adapters.settings:Signing'},
      'default_factory': {'$object': 'envid.adapters.settings:Signing'},
      'default_factory_takes_data': False},
     'validation_alias': 'signing',
     'serialization_alias': 'signing'},
    'cluster': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {'$model': 'envid.adapters.cluster_settings:ClusterSettings'},
      'default_factory': {'$object': 'envid.adapters.cluster_settings:ClusterSettings'},
      'default_factory_takes_data': False},
     'validation_alias': 'cluster',
     'serialization_alias': 'cluster'}},
   'model_name': 'Settings',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'Settings'}},
 'envid.adapters.settings:Signing': {
  'type': 'model',
  'cls': {'$object': 'envid.adapters.settings:Signing'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'key': {
     'type': 'model-field',
     'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'str'}}, 'default': None},
     'validation_alias': 'key',
     'serialization_alias': 'key'},
    'allowed_signers': {
     'type': 'model-field',
     'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'str'}}, 'default': None},
     'validation_alias': 'allowedSigners',
     'serialization_alias': 'allowedSigners'}},
   'model_name': 'Signing',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'Signing'}},
 'envid.core.aipod:AipodSpec': {
  'type': 'model',
  'cls': {'$object': 'envid.core.aipod:AipodSpec'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'json_schema': {
     'type': 'model-field',
     'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'str'}}, 'default': None},
     'validation_alias': '$schema',
     'serialization_alias': '$schema'},
    'api_version': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {'type': 'nullable', 'schema': {'type': 'str', 'max_length': 128}},
      'default': None},
     'validation_alias': 'apiVersion',
     'serialization_alias': 'apiVersion'},
    'kind': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {'type': 'nullable', 'schema': {'type': 'literal', 'expected': ['Aipod', 'AipodSpec']}},
      'default': None},
     'validation_alias': 'kind',
     'serialization_alias': 'kind'},
    'metadata': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {'$model': 'envid.core.aipod:Metadata'},
      'default_factory': {'$object': 'envid.core.aipod:Metadata'},
      'default_factory_takes_data': False},
     'validation_alias': 'metadata',
     'serialization_alias': 'metadata'},
    'spec': {
     'type': 'model-field',
     'schema': {'$model': 'envid.core.aipod:Spec'},
     'validation_alias': 'spec',
     'serialization_alias': 'spec'}},
   'model_name': 'AipodSpec',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'AipodSpec'}},
 'envid.core.aipod:Metadata': {
  'type': 'model',
  'cls': {'$object': 'envid.core.aipod:Metadata'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'name': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {
       'type': 'nullable',
       'schema': {'type': 'str', 'max_length': 63, 'pattern': '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$'}},
      'default': None},
     'validation_alias': 'name',
     'serialization_alias': 'name'},
    'labels': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {'type': 'dict', 'keys_schema': {'type': 'str'}, 'values_schema': {'type': 'str'}},
      'default_factory': {'$object': 'builtins:dict'},
      'default_factory_takes_data': False},
     'validation_alias': 'labels',
     'serialization_alias': 'labels'},
    'annotations': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {'type': 'dict', 'keys_schema': {'type': 'str'}, 'values_schema': {'type': 'str'}},
      'default_factory': {'$object': 'builtins:dict'},
      'default_factory_takes_data': False},
     'validation_alias': 'annotations',
     'serialization_alias': 'annotations'}},
   'model_name': 'Metadata',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'Metadata'}},
 'envid.core.aipod:Spec': {
  'type': 'model',
  'cls': {'$object': 'envid.core.aipod:Spec'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'image_ref': {
     'type': 'model-field',
     'schema': {'$model': 'envid.core.deploy.service:ImageRef'},
     'validation_alias': 'imageRef',
     'serialization_alias': 'imageRef'}},
   'model_name': 'Spec',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'allow',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'Spec'}},
 'envid.core.catalog:AttestationFile': {
  'type': 'model',
  'cls': {'$object': 'envid.core.catalog:AttestationFile'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'path': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:AttestationFile._lists_are_tuples'}},
      'schema': {'type': 'str', 'max_length': 4096}},
     'validation_alias': 'path',
     'serialization_alias': 'path'},
    'digest': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:AttestationFile._lists_are_tuples'}},
      'schema': {
       'type': 'function-after',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.values:Digest.checked'}},
       'schema': {'type': 'str', 'strict': True}}},
     'validation_alias': 'digest',
     'serialization_alias': 'digest'}},
   'model_name': 'AttestationFile',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'AttestationFile'}},
 'envid.core.catalog:Attestations': {
  'type': 'model',
  'cls': {'$object': 'envid.core.catalog:Attestations'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'provenance': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:Attestations._lists_are_tuples'}},
      'schema': {'$model': 'envid.core.catalog:AttestationFile'}},
     'validation_alias': 'provenance',
     'serialization_alias': 'provenance'},
    'sbom': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:Attestations._lists_are_tuples'}},
      'schema': {'$model': 'envid.core.catalog:AttestationFile'}},
     'validation_alias': 'sbom',
     'serialization_alias': 'sbom'}},
   'model_name': 'Attestations',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'Attestations'}},
 'envid.core.catalog:Builder': {
  'type': 'model',
  'cls': {'$object': 'envid.core.catalog:Builder'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'id': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:Builder._lists_are_tuples'}},
      'schema': {'type': 'str', 'max_length': 4096}},
     'validation_alias': 'id',
     'serialization_alias': 'id'},
    'version': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:Builder._lists_are_tuples'}},
      'schema': {
       'type': 'dict',
       'keys_schema': {'type': 'str', 'max_length': 64},
       'values_schema': {'type': 'str', 'max_length': 4096}}},
     'validation_alias': 'version',
     'serialization_alias': 'version'}},
   'model_name': 'Builder',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'Builder'}},
 'envid.core.catalog:Catalog': {
  'type': 'function-after',
  'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:Catalog._sorted_and_unique'}},
  'schema': {
   'type': 'model',
   'cls': {'$object': 'envid.core.catalog:Catalog'},
   'schema': {
    'type': 'model-fields',
    'fields': {
     'schema_version': {
      'type': 'model-field',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:Catalog._lists_are_tuples'}},
       'schema': {'type': 'literal', 'expected': ['agentrun.artifact-catalog/1']}},
      'validation_alias': 'schemaVersion',
      'serialization_alias': 'schemaVersion'},
     'project': {
      'type': 'model-field',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:Catalog._lists_are_tuples'}},
       'schema': {'type': 'str', 'max_length': 4096}},
      'validation_alias': 'project',
      'serialization_alias': 'project'},
     'lane': {
      'type': 'model-field',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:Catalog._lists_are_tuples'}},
       'schema': {'type': 'str', 'max_length': 4096}},
      'validation_alias': 'lane',
      'serialization_alias': 'lane'},
     'source_branch': {
      'type': 'model-field',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:Catalog._lists_are_tuples'}},
       'schema': {'type': 'str', 'max_length': 4096}},
      'validation_alias': 'sourceBranch',
      'serialization_alias': 'sourceBranch'},
     'gitops_branch': {
      'type': 'model-field',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:Catalog._lists_are_tuples'}},
       'schema': {'type': 'str', 'max_length': 4096}},
      'validation_alias': 'gitopsBranch',
      'serialization_alias': 'gitopsBranch'},
     'services': {
      'type': 'model-field',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:Catalog._lists_are_tuples'}},
       'schema': {
        'type': 'tuple',
        'items_schema': [{'$model': 'envid.core.catalog:CatalogEntry'}],
        'variadic_item_index': 0}},
      'validation_alias': 'services',
      'serialization_alias': 'services'}},
    'model_name': 'Catalog',
    'computed_fields': []},
   'custom_init': False,
   'root_model': False,
   'config': {
    'extra_fields_behavior': 'forbid',
    'strict': True,
    'serialize_by_alias': True,
    'validate_by_alias': True,
    'validate_by_name': True,
    'title': 'Catalog'}}},
 'envid.core.catalog:CatalogEntry': {
  'type': 'model',
  'cls': {'$object': 'envid.core.catalog:CatalogEntry'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'service_id': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:CatalogEntry._lists_are_tuples'}},
      'schema': {'type': 'str', 'max_length': 4096}},
     'validation_alias': 'serviceId',
     'serialization_alias': 'serviceId'},
    'lane': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:CatalogEntry._lists_are_tuples'}},
      'schema': {'type': 'str', 'max_length': 4096}},
     'validation_alias': 'lane',
     'serialization_alias': 'lane'},
    'source_branch': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:CatalogEntry._lists_are_tuples'}},
      'schema': {'type': 'str', 'max_length': 4096}},
     'validation_alias': 'sourceBranch',
     'serialization_alias': 'sourceBranch'},
    'gitops_branch': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:CatalogEntry._lists_are_tuples'}},
      'schema': {'type': 'str', 'max_length': 4096}},
     'validation_alias': 'gitopsBranch',
     'serialization_alias': 'gitopsBranch'},
    'source_commit': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:CatalogEntry._lists_are_tuples'}},
      'schema': {
       'type': 'function-after',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.values:CommitId.checked'}},
       'schema': {'type': 'str', 'strict': True}}},
     'validation_alias': 'sourceCommit',
     'serialization_alias': 'sourceCommit'},
    'image_ref': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:CatalogEntry._lists_are_tuples'}},
      'schema': {'$model': 'envid.core.deploy.service:ImageRef'}},
     'validation_alias': 'imageRef',
     'serialization_alias': 'imageRef'},
    'image': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:CatalogEntry._lists_are_tuples'}},
      'schema': {'type': 'str', 'max_length': 4096}},
     'validation_alias': 'image',
     'serialization_alias': 'image'},
    'digest': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:CatalogEntry._lists_are_tuples'}},
      'schema': {
       'type': 'function-after',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.values:Digest.checked'}},
       'schema': {'type': 'str', 'strict': True}}},
     'validation_alias': 'digest',
     'serialization_alias': 'digest'},
    'repository_digest': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:CatalogEntry._lists_are_tuples'}},
      'schema': {'type': 'str', 'max_length': 4096}},
     'validation_alias': 'repositoryDigest',
     'serialization_alias': 'repositoryDigest'},
    'env_identity': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:CatalogEntry._lists_are_tuples'}},
      'schema': {
       'type': 'function-after',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.values:EnvIdentity.checked'}},
       'schema': {'type': 'str', 'strict': True}}},
     'validation_alias': 'envIdentity',
     'serialization_alias': 'envIdentity'},
    'boot_commit': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:CatalogEntry._lists_are_tuples'}},
      'schema': {
       'type': 'function-after',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.values:CommitId.checked'}},
       'schema': {'type': 'str', 'strict': True}}},
     'validation_alias': 'bootCommit',
     'serialization_alias': 'bootCommit'},
    'toolchain_inputs': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:CatalogEntry._lists_are_tuples'}},
      'schema': {'$model': 'envid.core.catalog:ToolchainInputs'}},
     'validation_alias': 'toolchainInputs',
     'serialization_alias': 'toolchainInputs'},
    'status': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:CatalogEntry._lists_are_tuples'}},
      'schema': {'type': 'literal', 'expected': ['built', 'reused']}},
     'validation_alias': 'status',
     'serialization_alias': 'status'},
    'provenance': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:CatalogEntry._lists_are_tuples'}},
      'schema': {'$model': 'envid.core.catalog:Provenance'}},
     'validation_alias': 'provenance',
     'serialization_alias': 'provenance'},
    'attestations': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:CatalogEntry._lists_are_tuples'}},
      'schema': {'$model': 'envid.core.catalog:Attestations'}},
     'validation_alias': 'attestations',
     'serialization_alias': 'attestations'}},
   'model_name': 'CatalogEntry',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'CatalogEntry'}},
 'envid.core.catalog:Invocation': {
  'type': 'model',
  'cls': {'$object': 'envid.core.catalog:Invocation'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'id': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:Invocation._lists_are_tuples'}},
      'schema': {'type': 'str', 'max_length': 4096}},
     'validation_alias': 'id',
     'serialization_alias': 'id'},
    'parameters': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:Invocation._lists_are_tuples'}},
      'schema': {
       'type': 'dict',
       'keys_schema': {'type': 'str', 'max_length': 64},
       'values_schema': {'type': 'str', 'max_length': 4096}}},
     'validation_alias': 'parameters',
     'serialization_alias': 'parameters'}},
   'model_name': 'Invocation',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'Invocation'}},
 'envid.core.catalog:Provenance': {
  'type': 'model',
  'cls': {'$object': 'envid.core.catalog:Provenance'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'build_type': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:Provenance._lists_are_tuples'}},
      'schema': {'type': 'str', 'max_length': 4096}},
     'validation_alias': 'buildType',
     'serialization_alias': 'buildType'},
    'builder': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:Provenance._lists_are_tuples'}},
      'schema': {'$model': 'envid.core.catalog:Builder'}},
     'validation_alias': 'builder',
     'serialization_alias': 'builder'},
    'invocation': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:Provenance._lists_are_tuples'}},
      'schema': {'$model': 'envid.core.catalog:Invocation'}},
     'validation_alias': 'invocation',
     'serialization_alias': 'invocation'},
    'resolved_dependencies': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:Provenance._lists_are_tuples'}},
      'schema': {
       'type': 'tuple',
       'items_schema': [{'$model': 'envid.core.catalog:ResolvedDependency'}],
       'variadic_item_index': 0}},
     'validation_alias': 'resolvedDependencies',
     'serialization_alias': 'resolvedDependencies'},
    'started_on': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:Provenance._lists_are_tuples'}},
      'schema': {'type': 'str', 'pattern': '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$'}},
     'validation_alias': 'startedOn',
     'serialization_alias': 'startedOn'},
    'finished_on': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:Provenance._lists_are_tuples'}},
      'schema': {'type': 'str', 'pattern': '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$'}},
     'validation_alias': 'finishedOn',
     'serialization_alias': 'finishedOn'}},
   'model_name': 'Provenance',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'Provenance'}},
 'envid.core.catalog:RecordedInput': {
  'type': 'model',
  'cls': {'$object': 'envid.core.catalog:RecordedInput'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'kind': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:RecordedInput._lists_are_tuples'}},
      'schema': {
       'type': 'literal',
       'expected': ['base-image', 'build-arg', 'containerfile', 'file', 'frontend', 'image-ref', 'platform']}},
     'validation_alias': 'kind',
     'serialization_alias': 'kind'},
    'name': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:RecordedInput._lists_are_tuples'}},
      'schema': {'type': 'str', 'max_length': 4096}},
     'validation_alias': 'name',
     'serialization_alias': 'name'},
    'mode': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:RecordedInput._lists_are_tuples'}},
      'schema': {'type': 'str', 'pattern': '^([0-7]{6})?$'}},
     'validation_alias': 'mode',
     'serialization_alias': 'mode'},
    'size': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:RecordedInput._lists_are_tuples'}},
      'schema': {'type': 'int', 'ge': 0}},
     'validation_alias': 'size',
     'serialization_alias': 'size'},
    'blake3': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:RecordedInput._lists_are_tuples'}},
      'schema': {'type': 'str', 'pattern': '^[0-9a-f]{64}$'}},
     'validation_alias': 'blake3',
     'serialization_alias': 'blake3'},
    'value': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:RecordedInput._lists_are_tuples'}},
       'schema': {'type': 'nullable', 'schema': {'type': 'str', 'max_length': 4096}}},
      'default': None},
     'validation_alias': 'value',
     'serialization_alias': 'value'}},
   'model_name': 'RecordedInput',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'RecordedInput'}},
 'envid.core.catalog:ResolvedDependency': {
  'type': 'model',
  'cls': {'$object': 'envid.core.catalog:ResolvedDependency'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'uri': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:ResolvedDependency._lists_are_tuples'}},
      'schema': {'type': 'str', 'max_length': 4096}},
     'validation_alias': 'uri',
     'serialization_alias': 'uri'},
    'digest': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:ResolvedDependency._lists_are_tuples'}},
      'schema': {
       'type': 'dict',
       'keys_schema': {'type': 'literal', 'expected': ['sha256', 'gitCommit', 'blake3']},
       'values_schema': {'type': 'str', 'pattern': '^[0-9a-f]{40,64}$'}}},
     'validation_alias': 'digest',
     'serialization_alias': 'digest'}},
   'model_name': 'ResolvedDependency',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'ResolvedDependency'}},
 'envid.core.catalog:ToolchainInputs': {
  'type': 'model',
  'cls': {'$object': 'envid.core.catalog:ToolchainInputs'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'scheme': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:ToolchainInputs._lists_are_tuples'}},
      'schema': {'type': 'str', 'max_length': 4096}},
     'validation_alias': 'scheme',
     'serialization_alias': 'scheme'},
    'inputs': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.catalog:ToolchainInputs._lists_are_tuples'}},
      'schema': {
       'type': 'tuple',
       'items_schema': [{'$model': 'envid.core.catalog:RecordedInput'}],
       'variadic_item_index': 0}},
     'validation_alias': 'inputs',
     'serialization_alias': 'inputs'}},
   'model_name': 'ToolchainInputs',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'ToolchainInputs'}},
 'envid.core.catalog:_Model': {
  'type': 'model',
  'cls': {'$object': 'envid.core.catalog:_Model'},
  'schema': {'type': 'model-fields', 'fields': {}, 'model_name': '_Model', 'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': '_Model'}},
 'envid.core.deploy.intent:Amounts': {
  'type': 'model',
  'cls': {'$object': 'envid.core.deploy.intent:Amounts'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'cpu': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:Amounts._lists_are_tuples'}},
      'schema': {'type': 'str', 'max_length': 12, 'pattern': '^[0-9]+(\\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$'}},
     'validation_alias': 'cpu',
     'serialization_alias': 'cpu'},
    'memory': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:Amounts._lists_are_tuples'}},
      'schema': {'type': 'str', 'max_length': 12, 'pattern': '^[0-9]+(\\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$'}},
     'validation_alias': 'memory',
     'serialization_alias': 'memory'},
    'ephemeral_storage': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:Amounts._lists_are_tuples'}},
       'schema': {
        'type': 'nullable',
        'schema': {'type': 'str', 'max_length': 12, 'pattern': '^[0-9]+(\\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$'}}},
      'default': None},
     'validation_alias': 'ephemeralStorage',
     'serialization_alias': 'ephemeralStorage'}},
   'model_name': 'Amounts',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'Amounts'}},
 'envid.core.deploy.intent:Egress': {
  'type': 'model',
  'cls': {'$object': 'envid.core.deploy.intent:Egress'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'reason': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:Egress._lists_are_tuples'}},
      'schema': {'type': 'str', 'max_length': 4096, 'pattern': '^[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]*$'}},
     'validation_alias': 'reason',
     'serialization_alias': 'reason'},
    'cidr': {
     'type': 'model-field',
     'schema': {
      'type': 'function-after',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:Egress._networks'}},
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:Egress._lists_are_tuples'}},
       'schema': {'type': 'str'}}},
     'validation_alias': 'cidr',
     'serialization_alias': 'cidr'},
    'except_cidrs': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {
       'type': 'function-after',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:Egress._networks'}},
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:Egress._lists_are_tuples'}},
        'schema': {'type': 'tuple', 'items_schema': [{'type': 'str'}], 'variadic_item_index': 0}}},
      'default': ()},
     'validation_alias': 'exceptCidrs',
     'serialization_alias': 'exceptCidrs'},
    'ports': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:Egress._lists_are_tuples'}},
      'schema': {
       'type': 'tuple',
       'items_schema': [{'type': 'int', 'ge': 1, 'le': 65535}],
       'variadic_item_index': 0,
       'min_length': 1,
       'max_length': 16}},
     'validation_alias': 'ports',
     'serialization_alias': 'ports'}},
   'model_name': 'Egress',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'Egress'}},
 'envid.core.deploy.intent:Ingress': {
  'type': 'model',
  'cls': {'$object': 'envid.core.deploy.intent:Ingress'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'public': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:Ingress._lists_are_tuples'}},
      'schema': {'type': 'literal', 'expected': [False]}},
     'validation_alias': 'public',
     'serialization_alias': 'public'}},
   'model_name': 'Ingress',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'Ingress'}},
 'envid.core.deploy.intent:KeyRef': {
  'type': 'model',
  'cls': {'$object': 'envid.core.deploy.intent:KeyRef'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'name': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:KeyRef._lists_are_tuples'}},
      'schema': {'type': 'str', 'max_length': 63, 'pattern': '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$'}},
     'validation_alias': 'name',
     'serialization_alias': 'name'},
    'key': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:KeyRef._lists_are_tuples'}},
      'schema': {'type': 'str', 'max_length': 253, 'pattern': '^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$'}},
     'validation_alias': 'key',
     'serialization_alias': 'key'},
    'optional': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:KeyRef._lists_are_tuples'}},
       'schema': {'type': 'bool'}},
      'default': False},
     'validation_alias': 'optional',
     'serialization_alias': 'optional'}},
   'model_name': 'KeyRef',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'KeyRef'}},
 'envid.core.deploy.intent:Model': {
  'type': 'model',
  'cls': {'$object': 'envid.core.deploy.intent:Model'},
  'schema': {'type': 'model-fields', 'fields': {}, 'model_name': 'Model', 'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'Model'}},
 'envid.core.deploy.intent:Network': {
  'type': 'model',
  'cls': {'$object': 'envid.core.deploy.intent:Network'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'ingress_namespaces': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:Network._lists_are_tuples'}},
       'schema': {
        'type': 'tuple',
        'items_schema': [{'type': 'str', 'max_length': 63, 'pattern': '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$'}],
        'variadic_item_index': 0}},
      'default': ()},
     'validation_alias': 'ingressNamespaces',
     'serialization_alias': 'ingressNamespaces'},
    'egress': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:Network._lists_are_tuples'}},
       'schema': {
        'type': 'tuple',
        'items_schema': [{'$model': 'envid.core.deploy.intent:Egress'}],
        'variadic_item_index': 0,
        'max_length': 32}},
      'default': ()},
     'validation_alias': 'egress',
     'serialization_alias': 'egress'}},
   'model_name': 'Network',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'Network'}},
 'envid.core.deploy.intent:Postgres': {
  'type': 'model',
  'cls': {'$object': 'envid.core.deploy.intent:Postgres'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'name': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:Postgres._lists_are_tuples'}},
      'schema': {'type': 'str', 'max_length': 63, 'pattern': '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$'}},
     'validation_alias': 'name',
     'serialization_alias': 'name'},
    'database': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:Postgres._lists_are_tuples'}},
      'schema': {'type': 'str', 'max_length': 63, 'pattern': '^[a-z][a-z0-9_]*$'}},
     'validation_alias': 'database',
     'serialization_alias': 'database'},
    'user': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:Postgres._lists_are_tuples'}},
      'schema': {'type': 'str', 'max_length': 63, 'pattern': '^[a-z][a-z0-9_]*$'}},
     'validation_alias': 'user',
     'serialization_alias': 'user'},
    'storage': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:Postgres._lists_are_tuples'}},
      'schema': {'type': 'str', 'max_length': 12, 'pattern': '^[0-9]+(\\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$'}},
     'validation_alias': 'storage',
     'serialization_alias': 'storage'},
    'storage_class': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:Postgres._lists_are_tuples'}},
       'schema': {
        'type': 'nullable',
        'schema': {'type': 'str', 'max_length': 63, 'pattern': '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$'}}},
      'default': None},
     'validation_alias': 'storageClass',
     'serialization_alias': 'storageClass'},
    'resources': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:Postgres._lists_are_tuples'}},
      'schema': {'$model': 'envid.core.deploy.intent:Resources'}},
     'validation_alias': 'resources',
     'serialization_alias': 'resources'},
    'secret': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:Postgres._lists_are_tuples'}},
      'schema': {'$model': 'envid.core.deploy.intent:PostgresSecret'}},
     'validation_alias': 'secret',
     'serialization_alias': 'secret'}},
   'model_name': 'Postgres',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'Postgres'}},
 'envid.core.deploy.intent:PostgresSecret': {
  'type': 'model',
  'cls': {'$object': 'envid.core.deploy.intent:PostgresSecret'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'name': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {
       'type': 'no-info',
       'function': {'$object': 'envid.core.deploy.intent:PostgresSecret._lists_are_tuples'}},
      'schema': {'type': 'str', 'max_length': 63, 'pattern': '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$'}},
     'validation_alias': 'name',
     'serialization_alias': 'name'},
    'url_key': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {
       'type': 'function-before',
       'function': {
        'type': 'no-info',
        'function': {'$object': 'envid.core.deploy.intent:PostgresSecret._lists_are_tuples'}},
       'schema': {'type': 'str', 'max_length': 253, 'pattern': '^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$'}},
      'default': 'DATABASE_URL'},
     'validation_alias': 'urlKey',
     'serialization_alias': 'urlKey'},
    'password_key': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {
       'type': 'function-before',
       'function': {
        'type': 'no-info',
        'function': {'$object': 'envid.core.deploy.intent:PostgresSecret._lists_are_tuples'}},
       'schema': {'type': 'str', 'max_length': 253, 'pattern': '^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$'}},
      'default': 'POSTGRES_PASSWORD'},
     'validation_alias': 'passwordKey',
     'serialization_alias': 'passwordKey'}},
   'model_name': 'PostgresSecret',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'PostgresSecret'}},
 'envid.core.deploy.intent:Provider': {
  'type': 'model',
  'cls': {'$object': 'envid.core.deploy.intent:Provider'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'profile': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:Provider._lists_are_tuples'}},
      'schema': {'type': 'str', 'max_length': 40, 'pattern': '^[a-z]([a-z0-9-]*[a-z0-9])?$'}},
     'validation_alias': 'profile',
     'serialization_alias': 'profile'},
    'secret_name': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:Provider._lists_are_tuples'}},
      'schema': {'type': 'str', 'max_length': 63, 'pattern': '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$'}},
     'validation_alias': 'secretName',
     'serialization_alias': 'secretName'}},
   'model_name': 'Provider',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'Provider'}},
 'envid.core.deploy.intent:Resources': {
  'type': 'model',
  'cls': {'$object': 'envid.core.deploy.intent:Resources'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'requests': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:Resources._lists_are_tuples'}},
      'schema': {'$model': 'envid.core.deploy.intent:Amounts'}},
     'validation_alias': 'requests',
     'serialization_alias': 'requests'},
    'limits': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:Resources._lists_are_tuples'}},
      'schema': {'$model': 'envid.core.deploy.intent:Amounts'}},
     'validation_alias': 'limits',
     'serialization_alias': 'limits'}},
   'model_name': 'Resources',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'Resources'}},
 'envid.core.deploy.intent:Volume': {
  'type': 'model',
  'cls': {'$object': 'envid.core.deploy.intent:Volume'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'name': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:Volume._lists_are_tuples'}},
      'schema': {'type': 'str', 'max_length': 40, 'pattern': '^[a-z]([a-z0-9-]*[a-z0-9])?$'}},
     'validation_alias': 'name',
     'serialization_alias': 'name'},
    'mount_path': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:Volume._lists_are_tuples'}},
      'schema': {'type': 'str', 'max_length': 255, 'pattern': '^(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$'}},
     'validation_alias': 'mountPath',
     'serialization_alias': 'mountPath'},
    'size': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:Volume._lists_are_tuples'}},
      'schema': {'type': 'str', 'max_length': 12, 'pattern': '^[0-9]+(\\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$'}},
     'validation_alias': 'size',
     'serialization_alias': 'size'},
    'storage_class': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.intent:Volume._lists_are_tuples'}},
       'schema': {
        'type': 'nullable',
        'schema': {'type': 'str', 'max_length': 63, 'pattern': '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$'}}},
      'default': None},
     'validation_alias': 'storageClass',
     'serialization_alias': 'storageClass'}},
   'model_name': 'Volume',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'Volume'}},
 'envid.core.deploy.service:Borrower': {
  'type': 'function-after',
  'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Workload._fits_its_kind'}},
  'schema': {
   'type': 'model',
   'cls': {'$object': 'envid.core.deploy.service:Borrower'},
   'schema': {
    'type': 'model-fields',
    'fields': {
     'id': {
      'type': 'model-field',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Borrower._lists_are_tuples'}},
       'schema': {'type': 'str', 'max_length': 40, 'pattern': '^[a-z]([a-z0-9-]*[a-z0-9])?$'}},
      'validation_alias': 'id',
      'serialization_alias': 'id'},
     'kind': {
      'type': 'model-field',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Borrower._lists_are_tuples'}},
       'schema': {'type': 'literal', 'expected': ['manager', 'runner']}},
      'validation_alias': 'kind',
      'serialization_alias': 'kind'},
     'runtime': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Borrower._lists_are_tuples'}},
        'schema': {'type': 'bool'}},
       'default': True},
      'validation_alias': 'runtime',
      'serialization_alias': 'runtime'},
     'resources': {
      'type': 'model-field',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Borrower._lists_are_tuples'}},
       'schema': {'$model': 'envid.core.deploy.intent:Resources'}},
      'validation_alias': 'resources',
      'serialization_alias': 'resources'},
     'env': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Borrower._lists_are_tuples'}},
        'schema': {
         'type': 'dict',
         'keys_schema': {'type': 'str', 'max_length': 128, 'pattern': '^[A-Z][A-Z0-9_]*$'},
         'values_schema': {'type': 'str', 'max_length': 4096, 'pattern': '^[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]*$'}}},
       'default_factory': {'$object': 'builtins:dict'},
       'default_factory_takes_data': False},
      'validation_alias': 'env',
      'serialization_alias': 'env'},
     'config_env': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Borrower._lists_are_tuples'}},
        'schema': {
         'type': 'dict',
         'keys_schema': {'type': 'str', 'max_length': 128, 'pattern': '^[A-Z][A-Z0-9_]*$'},
         'values_schema': {'$model': 'envid.core.deploy.intent:KeyRef'}}},
       'default_factory': {'$object': 'builtins:dict'},
       'default_factory_takes_data': False},
      'validation_alias': 'configEnv',
      'serialization_alias': 'configEnv'},
     'secret_env': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Borrower._lists_are_tuples'}},
        'schema': {
         'type': 'dict',
         'keys_schema': {'type': 'str', 'max_length': 128, 'pattern': '^[A-Z][A-Z0-9_]*$'},
         'values_schema': {'$model': 'envid.core.deploy.intent:KeyRef'}}},
       'default_factory': {'$object': 'builtins:dict'},
       'default_factory_takes_data': False},
      'validation_alias': 'secretEnv',
      'serialization_alias': 'secretEnv'},
     'service_account': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Borrower._lists_are_tuples'}},
        'schema': {
         'type': 'nullable',
         'schema': {'type': 'str', 'max_length': 63, 'pattern': '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$'}}},
       'default': None},
      'validation_alias': 'serviceAccount',
      'serialization_alias': 'serviceAccount'},
     'database': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Borrower._lists_are_tuples'}},
        'schema': {'type': 'bool'}},
       'default': False},
      'validation_alias': 'database',
      'serialization_alias': 'database'},
     'network': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Borrower._lists_are_tuples'}},
        'schema': {'$model': 'envid.core.deploy.intent:Network'}},
       'default_factory': {'$object': 'envid.core.deploy.intent:Network'},
       'default_factory_takes_data': False},
      'validation_alias': 'network',
      'serialization_alias': 'network'},
     'replicas': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Borrower._lists_are_tuples'}},
        'schema': {'type': 'int', 'ge': 0, 'le': 100}},
       'default': 1},
      'validation_alias': 'replicas',
      'serialization_alias': 'replicas'},
     'port': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Borrower._lists_are_tuples'}},
        'schema': {'type': 'int', 'ge': 1, 'le': 65535}},
       'default': 8080},
      'validation_alias': 'port',
      'serialization_alias': 'port'},
     'extra_ports': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Borrower._lists_are_tuples'}},
        'schema': {
         'type': 'dict',
         'keys_schema': {'type': 'str', 'max_length': 15, 'pattern': '^[a-z]([a-z0-9-]*[a-z0-9])?$'},
         'values_schema': {'type': 'int', 'ge': 1, 'le': 65535}}},
       'default_factory': {'$object': 'builtins:dict'},
       'default_factory_takes_data': False},
      'validation_alias': 'extraPorts',
      'serialization_alias': 'extraPorts'},
     'health_path': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Borrower._lists_are_tuples'}},
        'schema': {'type': 'str', 'max_length': 256, 'pattern': '^/[A-Za-z0-9._~/-]*$'}},
       'default': '/health'},
      'validation_alias': 'healthPath',
      'serialization_alias': 'healthPath'},
     'readiness_path': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Borrower._lists_are_tuples'}},
        'schema': {'type': 'nullable', 'schema': {'type': 'str', 'max_length': 256, 'pattern': '^/[A-Za-z0-9._~/-]*$'}}},
       'default': None},
      'validation_alias': 'readinessPath',
      'serialization_alias': 'readinessPath'},
     'permissions': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Borrower._lists_are_tuples'}},
        'schema': {
         'type': 'tuple',
         'items_schema': [{'type': 'literal', 'expected': ['run-jobs']}],
         'variadic_item_index': 0,
         'max_length': 1}},
       'default': ()},
      'validation_alias': 'permissions',
      'serialization_alias': 'permissions'},
     'volumes': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Borrower._lists_are_tuples'}},
        'schema': {
         'type': 'tuple',
         'items_schema': [{'$model': 'envid.core.deploy.intent:Volume'}],
         'variadic_item_index': 0,
         'max_length': 8}},
       'default': ()},
      'validation_alias': 'volumes',
      'serialization_alias': 'volumes'},
     'providers': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Borrower._lists_are_tuples'}},
        'schema': {
         'type': 'tuple',
         'items_schema': [{'type': 'str', 'max_length': 40, 'pattern': '^[a-z]([a-z0-9-]*[a-z0-9])?$'}],
         'variadic_item_index': 0,
         'max_length': 16}},
       'default': ()},
      'validation_alias': 'providers',
      'serialization_alias': 'providers'},
     'timeout': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Borrower._lists_are_tuples'}},
        'schema': {'type': 'int', 'ge': 1, 'le': 604800}},
       'default': 3600},
      'validation_alias': 'timeout',
      'serialization_alias': 'timeout'},
     'keep_finished': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Borrower._lists_are_tuples'}},
        'schema': {'type': 'int', 'ge': 0, 'le': 604800}},
       'default': 3600},
      'validation_alias': 'keepFinished',
      'serialization_alias': 'keepFinished'},
     'image_from': {
      'type': 'model-field',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Borrower._lists_are_tuples'}},
       'schema': {'type': 'str', 'max_length': 40, 'pattern': '^[a-z]([a-z0-9-]*[a-z0-9])?$'}},
      'validation_alias': 'imageFrom',
      'serialization_alias': 'imageFrom'}},
    'model_name': 'Borrower',
    'computed_fields': []},
   'custom_init': False,
   'root_model': False,
   'config': {
    'extra_fields_behavior': 'forbid',
    'strict': True,
    'serialize_by_alias': True,
    'validate_by_alias': True,
    'validate_by_name': True,
    'title': 'Borrower'}}},
 'envid.core.deploy.service:Deploy': {
  'type': 'model',
  'cls': {'$object': 'envid.core.deploy.service:Deploy'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'json_schema': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Deploy._lists_are_tuples'}},
       'schema': {'type': 'nullable', 'schema': {'type': 'str'}}},
      'default': None},
     'validation_alias': '$schema',
     'serialization_alias': '$schema'},
    'schema_version': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Deploy._lists_are_tuples'}},
      'schema': {'type': 'literal', 'expected': ['agentrun.deploy/1']}},
     'validation_alias': 'schemaVersion',
     'serialization_alias': 'schemaVersion'},
    'namespace': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Deploy._lists_are_tuples'}},
       'schema': {
        'type': 'nullable',
        'schema': {'type': 'str', 'max_length': 63, 'pattern': '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$'}}},
      'default': None},
     'validation_alias': 'namespace',
     'serialization_alias': 'namespace'},
    'workloads': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Deploy._lists_are_tuples'}},
      'schema': {
       'type': 'tuple',
       'items_schema': [
        {
         'type': 'tagged-union',
         'choices': {
          '(imageRef)': {'$model': 'envid.core.deploy.service:Service'},
          '(imageFrom)': {'$model': 'envid.core.deploy.service:Borrower'}},
         'discriminator': {'$object': 'envid.core.deploy.service:_image_of'}}],
       'variadic_item_index': 0,
       'min_length': 1,
       'max_length': 32}},
     'validation_alias': 'services',
     'serialization_alias': 'services'},
    'config_maps': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Deploy._lists_are_tuples'}},
       'schema': {
        'type': 'dict',
        'keys_schema': {'type': 'str', 'max_length': 63, 'pattern': '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$'},
        'values_schema': {
         'type': 'dict',
         'keys_schema': {'type': 'str', 'max_length': 253, 'pattern': '^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$'},
         'values_schema': {'type': 'str', 'max_length': 4096, 'pattern': '^[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]*$'}}}},
      'default_factory': {'$object': 'builtins:dict'},
      'default_factory_takes_data': False},
     'validation_alias': 'configMaps',
     'serialization_alias': 'configMaps'},
    'postgres': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Deploy._lists_are_tuples'}},
       'schema': {'type': 'nullable', 'schema': {'$model': 'envid.core.deploy.intent:Postgres'}}},
      'default': None},
     'validation_alias': 'postgres',
     'serialization_alias': 'postgres'},
    'providers': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Deploy._lists_are_tuples'}},
       'schema': {
        'type': 'tuple',
        'items_schema': [{'$model': 'envid.core.deploy.intent:Provider'}],
        'variadic_item_index': 0,
        'max_length': 16}},
      'default': ()},
     'validation_alias': 'providers',
     'serialization_alias': 'providers'},
    'ingress': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Deploy._lists_are_tuples'}},
       'schema': {'type': 'nullable', 'schema': {'$model': 'envid.core.deploy.intent:Ingress'}}},
      'default': None},
     'validation_alias': 'ingress',
     'serialization_alias': 'ingress'}},
   'model_name': 'Deploy',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'Deploy'}},
 'envid.core.deploy.service:ImageRef': {
  'type': 'model',
  'cls': {'$object': 'envid.core.deploy.service:ImageRef'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'kind': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:ImageRef._lists_are_tuples'}},
      'schema': {'type': 'literal', 'expected': ['env-image-dockerfile']}},
     'validation_alias': 'kind',
     'serialization_alias': 'kind'},
    'repo_url': {
     'type': 'model-field',
     'schema': {
      'type': 'function-after',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:ImageRef._fetchable'}},
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:ImageRef._lists_are_tuples'}},
       'schema': {'type': 'str'}}},
     'validation_alias': 'repoUrl',
     'serialization_alias': 'repoUrl'},
    'commit_id': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:ImageRef._lists_are_tuples'}},
      'schema': {
       'type': 'function-after',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.values:CommitId.checked'}},
       'schema': {'type': 'str', 'strict': True}}},
     'validation_alias': 'commitId',
     'serialization_alias': 'commitId'},
    'dockerfile_path': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:ImageRef._lists_are_tuples'}},
      'schema': {
       'type': 'function-after',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.values:RepoPath.checked'}},
       'schema': {'type': 'str', 'strict': True}}},
     'validation_alias': 'dockerfilePath',
     'serialization_alias': 'dockerfilePath'}},
   'model_name': 'ImageRef',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'ImageRef'}},
 'envid.core.deploy.service:Service': {
  'type': 'function-after',
  'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Workload._fits_its_kind'}},
  'schema': {
   'type': 'model',
   'cls': {'$object': 'envid.core.deploy.service:Service'},
   'schema': {
    'type': 'model-fields',
    'fields': {
     'id': {
      'type': 'model-field',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Service._lists_are_tuples'}},
       'schema': {'type': 'str', 'max_length': 40, 'pattern': '^[a-z]([a-z0-9-]*[a-z0-9])?$'}},
      'validation_alias': 'id',
      'serialization_alias': 'id'},
     'kind': {
      'type': 'model-field',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Service._lists_are_tuples'}},
       'schema': {'type': 'literal', 'expected': ['manager', 'runner']}},
      'validation_alias': 'kind',
      'serialization_alias': 'kind'},
     'runtime': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Service._lists_are_tuples'}},
        'schema': {'type': 'bool'}},
       'default': True},
      'validation_alias': 'runtime',
      'serialization_alias': 'runtime'},
     'resources': {
      'type': 'model-field',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Service._lists_are_tuples'}},
       'schema': {'$model': 'envid.core.deploy.intent:Resources'}},
      'validation_alias': 'resources',
      'serialization_alias': 'resources'},
     'env': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Service._lists_are_tuples'}},
        'schema': {
         'type': 'dict',
         'keys_schema': {'type': 'str', 'max_length': 128, 'pattern': '^[A-Z][A-Z0-9_]*$'},
         'values_schema': {'type': 'str', 'max_length': 4096, 'pattern': '^[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]*$'}}},
       'default_factory': {'$object': 'builtins:dict'},
       'default_factory_takes_data': False},
      'validation_alias': 'env',
      'serialization_alias': 'env'},
     'config_env': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Service._lists_are_tuples'}},
        'schema': {
         'type': 'dict',
         'keys_schema': {'type': 'str', 'max_length': 128, 'pattern': '^[A-Z][A-Z0-9_]*$'},
         'values_schema': {'$model': 'envid.core.deploy.intent:KeyRef'}}},
       'default_factory': {'$object': 'builtins:dict'},
       'default_factory_takes_data': False},
      'validation_alias': 'configEnv',
      'serialization_alias': 'configEnv'},
     'secret_env': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Service._lists_are_tuples'}},
        'schema': {
         'type': 'dict',
         'keys_schema': {'type': 'str', 'max_length': 128, 'pattern': '^[A-Z][A-Z0-9_]*$'},
         'values_schema': {'$model': 'envid.core.deploy.intent:KeyRef'}}},
       'default_factory': {'$object': 'builtins:dict'},
       'default_factory_takes_data': False},
      'validation_alias': 'secretEnv',
      'serialization_alias': 'secretEnv'},
     'service_account': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Service._lists_are_tuples'}},
        'schema': {
         'type': 'nullable',
         'schema': {'type': 'str', 'max_length': 63, 'pattern': '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$'}}},
       'default': None},
      'validation_alias': 'serviceAccount',
      'serialization_alias': 'serviceAccount'},
     'database': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Service._lists_are_tuples'}},
        'schema': {'type': 'bool'}},
       'default': False},
      'validation_alias': 'database',
      'serialization_alias': 'database'},
     'network': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Service._lists_are_tuples'}},
        'schema': {'$model': 'envid.core.deploy.intent:Network'}},
       'default_factory': {'$object': 'envid.core.deploy.intent:Network'},
       'default_factory_takes_data': False},
      'validation_alias': 'network',
      'serialization_alias': 'network'},
     'replicas': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Service._lists_are_tuples'}},
        'schema': {'type': 'int', 'ge': 0, 'le': 100}},
       'default': 1},
      'validation_alias': 'replicas',
      'serialization_alias': 'replicas'},
     'port': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Service._lists_are_tuples'}},
        'schema': {'type': 'int', 'ge': 1, 'le': 65535}},
       'default': 8080},
      'validation_alias': 'port',
      'serialization_alias': 'port'},
     'extra_ports': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Service._lists_are_tuples'}},
        'schema': {
         'type': 'dict',
         'keys_schema': {'type': 'str', 'max_length': 15, 'pattern': '^[a-z]([a-z0-9-]*[a-z0-9])?$'},
         'values_schema': {'type': 'int', 'ge': 1, 'le': 65535}}},
       'default_factory': {'$object': 'builtins:dict'},
       'default_factory_takes_data': False},
      'validation_alias': 'extraPorts',
      'serialization_alias': 'extraPorts'},
     'health_path': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Service._lists_are_tuples'}},
        'schema': {'type': 'str', 'max_length': 256, 'pattern': '^/[A-Za-z0-9._~/-]*$'}},
       'default': '/health'},
      'validation_alias': 'healthPath',
      'serialization_alias': 'healthPath'},
     'readiness_path': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Service._lists_are_tuples'}},
        'schema': {'type': 'nullable', 'schema': {'type': 'str', 'max_length': 256, 'pattern': '^/[A-Za-z0-9._~/-]*$'}}},
       'default': None},
      'validation_alias': 'readinessPath',
      'serialization_alias': 'readinessPath'},
     'permissions': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Service._lists_are_tuples'}},
        'schema': {
         'type': 'tuple',
         'items_schema': [{'type': 'literal', 'expected': ['run-jobs']}],
         'variadic_item_index': 0,
         'max_length': 1}},
       'default': ()},
      'validation_alias': 'permissions',
      'serialization_alias': 'permissions'},
     'volumes': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Service._lists_are_tuples'}},
        'schema': {
         'type': 'tuple',
         'items_schema': [{'$model': 'envid.core.deploy.intent:Volume'}],
         'variadic_item_index': 0,
         'max_length': 8}},
       'default': ()},
      'validation_alias': 'volumes',
      'serialization_alias': 'volumes'},
     'providers': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Service._lists_are_tuples'}},
        'schema': {
         'type': 'tuple',
         'items_schema': [{'type': 'str', 'max_length': 40, 'pattern': '^[a-z]([a-z0-9-]*[a-z0-9])?$'}],
         'variadic_item_index': 0,
         'max_length': 16}},
       'default': ()},
      'validation_alias': 'providers',
      'serialization_alias': 'providers'},
     'timeout': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Service._lists_are_tuples'}},
        'schema': {'type': 'int', 'ge': 1, 'le': 604800}},
       'default': 3600},
      'validation_alias': 'timeout',
      'serialization_alias': 'timeout'},
     'keep_finished': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Service._lists_are_tuples'}},
        'schema': {'type': 'int', 'ge': 0, 'le': 604800}},
       'default': 3600},
      'validation_alias': 'keepFinished',
      'serialization_alias': 'keepFinished'},
     'image_ref': {
      'type': 'model-field',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Service._lists_are_tuples'}},
       'schema': {'$model': 'envid.core.deploy.service:ImageRef'}},
      'validation_alias': 'imageRef',
      'serialization_alias': 'imageRef'},
     'platform': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-after',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Service._platform'}},
        'schema': {
         'type': 'function-before',
         'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Service._lists_are_tuples'}},
         'schema': {'type': 'str'}}},
       'default': 'linux/amd64'},
      'validation_alias': 'platform',
      'serialization_alias': 'platform'},
     'inputs': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-after',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Service._inside'}},
        'schema': {
         'type': 'function-before',
         'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Service._lists_are_tuples'}},
         'schema': {'type': 'tuple', 'items_schema': [{'type': 'str'}], 'variadic_item_index': 0}}},
       'default': ()},
      'validation_alias': 'inputs',
      'serialization_alias': 'inputs'},
     'build_args': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-after',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Service._build_args'}},
        'schema': {
         'type': 'function-before',
         'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Service._lists_are_tuples'}},
         'schema': {'type': 'dict', 'keys_schema': {'type': 'str'}, 'values_schema': {'type': 'str'}}}},
       'default_factory': {'$object': 'builtins:dict'},
       'default_factory_takes_data': False},
      'validation_alias': 'buildArgs',
      'serialization_alias': 'buildArgs'}},
    'model_name': 'Service',
    'computed_fields': []},
   'custom_init': False,
   'root_model': False,
   'config': {
    'extra_fields_behavior': 'forbid',
    'strict': True,
    'serialize_by_alias': True,
    'validate_by_alias': True,
    'validate_by_name': True,
    'title': 'Service'}}},
 'envid.core.deploy.service:Workload': {
  'type': 'function-after',
  'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Workload._fits_its_kind'}},
  'schema': {
   'type': 'model',
   'cls': {'$object': 'envid.core.deploy.service:Workload'},
   'schema': {
    'type': 'model-fields',
    'fields': {
     'id': {
      'type': 'model-field',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Workload._lists_are_tuples'}},
       'schema': {'type': 'str', 'max_length': 40, 'pattern': '^[a-z]([a-z0-9-]*[a-z0-9])?$'}},
      'validation_alias': 'id',
      'serialization_alias': 'id'},
     'kind': {
      'type': 'model-field',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Workload._lists_are_tuples'}},
       'schema': {'type': 'literal', 'expected': ['manager', 'runner']}},
      'validation_alias': 'kind',
      'serialization_alias': 'kind'},
     'runtime': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Workload._lists_are_tuples'}},
        'schema': {'type': 'bool'}},
       'default': True},
      'validation_alias': 'runtime',
      'serialization_alias': 'runtime'},
     'resources': {
      'type': 'model-field',
      'schema': {
       'type': 'function-before',
       'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Workload._lists_are_tuples'}},
       'schema': {'$model': 'envid.core.deploy.intent:Resources'}},
      'validation_alias': 'resources',
      'serialization_alias': 'resources'},
     'env': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Workload._lists_are_tuples'}},
        'schema': {
         'type': 'dict',
         'keys_schema': {'type': 'str', 'max_length': 128, 'pattern': '^[A-Z][A-Z0-9_]*$'},
         'values_schema': {'type': 'str', 'max_length': 4096, 'pattern': '^[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]*$'}}},
       'default_factory': {'$object': 'builtins:dict'},
       'default_factory_takes_data': False},
      'validation_alias': 'env',
      'serialization_alias': 'env'},
     'config_env': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Workload._lists_are_tuples'}},
        'schema': {
         'type': 'dict',
         'keys_schema': {'type': 'str', 'max_length': 128, 'pattern': '^[A-Z][A-Z0-9_]*$'},
         'values_schema': {'$model': 'envid.core.deploy.intent:KeyRef'}}},
       'default_factory': {'$object': 'builtins:dict'},
       'default_factory_takes_data': False},
      'validation_alias': 'configEnv',
      'serialization_alias': 'configEnv'},
     'secret_env': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Workload._lists_are_tuples'}},
        'schema': {
         'type': 'dict',
         'keys_schema': {'type': 'str', 'max_length': 128, 'pattern': '^[A-Z][A-Z0-9_]*$'},
         'values_schema': {'$model': 'envid.core.deploy.intent:KeyRef'}}},
       'default_factory': {'$object': 'builtins:dict'},
       'default_factory_takes_data': False},
      'validation_alias': 'secretEnv',
      'serialization_alias': 'secretEnv'},
     'service_account': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Workload._lists_are_tuples'}},
        'schema': {
         'type': 'nullable',
         'schema': {'type': 'str', 'max_length': 63, 'pattern': '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$'}}},
       'default': None},
      'validation_alias': 'serviceAccount',
      'serialization_alias': 'serviceAccount'},
     'database': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Workload._lists_are_tuples'}},
        'schema': {'type': 'bool'}},
       'default': False},
      'validation_alias': 'database',
      'serialization_alias': 'database'},
     'network': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Workload._lists_are_tuples'}},
        'schema': {'$model': 'envid.core.deploy.intent:Network'}},
       'default_factory': {'$object': 'envid.core.deploy.intent:Network'},
       'default_factory_takes_data': False},
      'validation_alias': 'network',
      'serialization_alias': 'network'},
     'replicas': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Workload._lists_are_tuples'}},
        'schema': {'type': 'int', 'ge': 0, 'le': 100}},
       'default': 1},
      'validation_alias': 'replicas',
      'serialization_alias': 'replicas'},
     'port': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Workload._lists_are_tuples'}},
        'schema': {'type': 'int', 'ge': 1, 'le': 65535}},
       'default': 8080},
      'validation_alias': 'port',
      'serialization_alias': 'port'},
     'extra_ports': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Workload._lists_are_tuples'}},
        'schema': {
         'type': 'dict',
         'keys_schema': {'type': 'str', 'max_length': 15, 'pattern': '^[a-z]([a-z0-9-]*[a-z0-9])?$'},
         'values_schema': {'type': 'int', 'ge': 1, 'le': 65535}}},
       'default_factory': {'$object': 'builtins:dict'},
       'default_factory_takes_data': False},
      'validation_alias': 'extraPorts',
      'serialization_alias': 'extraPorts'},
     'health_path': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Workload._lists_are_tuples'}},
        'schema': {'type': 'str', 'max_length': 256, 'pattern': '^/[A-Za-z0-9._~/-]*$'}},
       'default': '/health'},
      'validation_alias': 'healthPath',
      'serialization_alias': 'healthPath'},
     'readiness_path': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Workload._lists_are_tuples'}},
        'schema': {'type': 'nullable', 'schema': {'type': 'str', 'max_length': 256, 'pattern': '^/[A-Za-z0-9._~/-]*$'}}},
       'default': None},
      'validation_alias': 'readinessPath',
      'serialization_alias': 'readinessPath'},
     'permissions': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Workload._lists_are_tuples'}},
        'schema': {
         'type': 'tuple',
         'items_schema': [{'type': 'literal', 'expected': ['run-jobs']}],
         'variadic_item_index': 0,
         'max_length': 1}},
       'default': ()},
      'validation_alias': 'permissions',
      'serialization_alias': 'permissions'},
     'volumes': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Workload._lists_are_tuples'}},
        'schema': {
         'type': 'tuple',
         'items_schema': [{'$model': 'envid.core.deploy.intent:Volume'}],
         'variadic_item_index': 0,
         'max_length': 8}},
       'default': ()},
      'validation_alias': 'volumes',
      'serialization_alias': 'volumes'},
     'providers': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Workload._lists_are_tuples'}},
        'schema': {
         'type': 'tuple',
         'items_schema': [{'type': 'str', 'max_length': 40, 'pattern': '^[a-z]([a-z0-9-]*[a-z0-9])?$'}],
         'variadic_item_index': 0,
         'max_length': 16}},
       'default': ()},
      'validation_alias': 'providers',
      'serialization_alias': 'providers'},
     'timeout': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Workload._lists_are_tuples'}},
        'schema': {'type': 'int', 'ge': 1, 'le': 604800}},
       'default': 3600},
      'validation_alias': 'timeout',
      'serialization_alias': 'timeout'},
     'keep_finished': {
      'type': 'model-field',
      'schema': {
       'type': 'default',
       'schema': {
        'type': 'function-before',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.deploy.service:Workload._lists_are_tuples'}},
        'schema': {'type': 'int', 'ge': 0, 'le': 604800}},
       'default': 3600},
      'validation_alias': 'keepFinished',
      'serialization_alias': 'keepFinished'}},
    'model_name': 'Workload',
    'computed_fields': []},
   'custom_init': False,
   'root_model': False,
   'config': {
    'extra_fields_behavior': 'forbid',
    'strict': True,
    'serialize_by_alias': True,
    'validate_by_alias': True,
    'validate_by_name': True,
    'title': 'Workload'}}},
 'envid.core.images:Images': {
  'type': 'model',
  'cls': {'$object': 'envid.core.images:Images'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'buildkit': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {
       'type': 'nullable',
       'schema': {
        'type': 'function-after',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.images:_pinned'}},
        'schema': {'type': 'str', 'max_length': 512}}},
      'default': None},
     'validation_alias': 'buildkit',
     'serialization_alias': 'buildkit'},
    'git_mirror': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {
       'type': 'nullable',
       'schema': {
        'type': 'function-after',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.images:_pinned'}},
        'schema': {'type': 'str', 'max_length': 512}}},
      'default': None},
     'validation_alias': 'gitMirror',
     'serialization_alias': 'gitMirror'},
    'postgres': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {
       'type': 'nullable',
       'schema': {
        'type': 'function-after',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.images:_pinned'}},
        'schema': {'type': 'str', 'max_length': 512}}},
      'default': None},
     'validation_alias': 'postgres',
     'serialization_alias': 'postgres'},
    'toolbox': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {
       'type': 'nullable',
       'schema': {
        'type': 'function-after',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.images:_pinned'}},
        'schema': {'type': 'str', 'max_length': 512}}},
      'default': None},
     'validation_alias': 'toolbox',
     'serialization_alias': 'toolbox'}},
   'model_name': 'Images',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'Images'}},
 'envid.core.images:PinnedImages': {
  'type': 'model',
  'cls': {'$object': 'envid.core.images:PinnedImages'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'schema_version': {
     'type': 'model-field',
     'schema': {'type': 'literal', 'expected': ['agentrun.images/1']},
     'validation_alias': 'schemaVersion',
     'serialization_alias': 'schemaVersion'},
    'images': {
     'type': 'model-field',
     'schema': {'$model': 'envid.core.images:Images'},
     'validation_alias': 'images',
     'serialization_alias': 'images'},
    'identities': {
     'type': 'model-field',
     'schema': {
      'type': 'default',
      'schema': {
       'type': 'dict',
       'keys_schema': {'type': 'literal', 'expected': ['buildkit', 'gitMirror', 'postgres', 'toolbox']},
       'values_schema': {
        'type': 'function-after',
        'function': {'type': 'no-info', 'function': {'$object': 'envid.core.values:EnvIdentity.checked'}},
        'schema': {'type': 'str', 'strict': True}}},
      'default_factory': {'$object': 'builtins:dict'},
      'default_factory_takes_data': False},
     'validation_alias': 'identities',
     'serialization_alias': 'identities'}},
   'model_name': 'PinnedImages',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'PinnedImages'}},
 'envid.core.publication:Publication': {
  'type': 'model',
  'cls': {'$object': 'envid.core.publication:Publication'},
  'schema': {
   'type': 'model-fields',
   'fields': {
    'schema_version': {
     'type': 'model-field',
     'schema': {'type': 'literal', 'expected': ['agentrun.publication/1']},
     'validation_alias': 'schemaVersion',
     'serialization_alias': 'schemaVersion'},
    'commit': {
     'type': 'model-field',
     'schema': {
      'type': 'function-after',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.values:CommitId.checked'}},
      'schema': {'type': 'str', 'strict': True}},
     'validation_alias': 'commit',
     'serialization_alias': 'commit'},
    'mirror_revision': {
     'type': 'model-field',
     'schema': {
      'type': 'function-after',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.values:CommitId.checked'}},
      'schema': {'type': 'str', 'strict': True}},
     'validation_alias': 'mirrorRevision',
     'serialization_alias': 'mirrorRevision'},
    'entries': {
     'type': 'model-field',
     'schema': {
      'type': 'function-before',
      'function': {'type': 'no-info', 'function': {'$object': 'envid.core.publication:Publication._as_tuple'}},
      'schema': {
       'type': 'tuple',
       'items_schema': [{'$model': 'envid.core.catalog:CatalogEntry'}],
       'variadic_item_index': 0}},
     'validation_alias': 'entries',
     'serialization_alias': 'entries'},
    'attestations': {
     'type': 'model-field',
     'schema': {'type': 'dict', 'keys_schema': {'type': 'str'}, 'values_schema': {'type': 'str'}},
     'validation_alias': 'attestations',
     'serialization_alias': 'attestations'}},
   'model_name': 'Publication',
   'computed_fields': []},
  'custom_init': False,
  'root_model': False,
  'config': {
   'extra_fields_behavior': 'forbid',
   'strict': True,
   'serialize_by_alias': True,
   'validate_by_alias': True,
   'validate_by_name': True,
   'title': 'Publication'}}}
