/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The life of a VM: the list of names, who may use which, creation, destruction,
 * reinitialisation, the reason why it is suspended.  vmm_lock guards the list and is
 * never held while a device node is made or a vCPU waited for; a name stays taken
 * until its node is gone.  Host kernel, process context, may sleep.
 */
#include <string.h>

#include "bind.h"
#include "core.h"
#include "errno.h"

#define NO_GROUP       (~0u)
#define SUSPEND_WHO    8 /* vm->suspend: who asked stands above how */
#define SUSPEND_NOBODY 0xffffffu

static struct os_mutex vmm_lock;
static struct vm *vmm_list;  /* ascending by serial */
static uint64_t vmm_serial;  /* the last one given */
static uint32_t vmm_listed;  /* [vmm_lock] */
static uint32_t vmm_objects; /* [a] not freed yet, listed or not */

int
vmm_init(void)
{
	os_mutex_init(&vmm_lock, "vmm list");
	return 0;
}

int
vmm_fini(void)
{
	if (__atomic_load_n(&vmm_objects, __ATOMIC_ACQUIRE) != 0)
		return -EBUSY;
	os_mutex_destroy(&vmm_lock);
	return 0;
}

uint32_t
vmm_vm_count(void)
{
	uint32_t n;

	os_mutex_lock(&vmm_lock);
	n = vmm_listed;
	os_mutex_unlock(&vmm_lock);
	return n;
}

/* ---- names and owners ---- */

static bool
name_char_ok(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    c == '.' || c == '_' || c == '-';
}

/* size is that of the array, with the place of the NUL. */
int
vm_name_check(const char *name, size_t size)
{
	size_t len = strnlen(name, size);

	if (len == size)
		return -ENAMETOOLONG;
	for (size_t i = 0; i < len; i++)
		if (!name_char_ok(name[i]))
			return -EINVAL;
	return 0;
}

static int
vm_name_is_good(const char *name)
{
	int error = vm_name_check(name, VM_MAX_NAMELEN + 1);

	if (error != 0)
		return error;
	if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EINVAL;
	return 0;
}

static bool
vm_is_owner(const struct vm *vm)
{
	return vm->uid == os_uid() || os_privileged();
}

static bool
vm_may_use(const struct vm *vm)
{
	return vm_is_owner(vm) || (vm->gid != NO_GROUP && os_in_group(vm->gid));
}

static int
create_check(const struct vmmctl_vm_create *req)
{
	if (req->flags != 0 || (req->pad[0] | req->pad[1] | req->pad[2] | req->pad[3]) != 0)
		return -EINVAL;
	/* Nobody gives a VM to a group that is not theirs. */
	if (req->gid != NO_GROUP && !os_in_group(req->gid) && !os_privileged())
		return -EPERM;
	return vm_name_is_good(req->name);
}

/* ---- the list; vmm_lock held ---- */

static struct vm *
list_find(const char *name)
{
	for (struct vm *vm = vmm_list; vm != NULL; vm = vm->next)
		if (strcmp(vm->name, name) == 0)
			return vm;
	return NULL;
}

static struct vm *
list_find_ready(const char *name)
{
	struct vm *vm = list_find(name);

	return vm != NULL && vm->ready ? vm : NULL;
}

static struct vm **
list_place_of(const struct vm *vm)
{
	struct vm **at = &vmm_list;

	while (*at != vm) /* NULL: the end */
		at = &(*at)->next;
	return at;
}

/* ---- creation and the end ---- */

/* Take the name.  The list has a reference of its own. */
static int
list_insert(struct vm *vm)
{
	int error = -EEXIST;

	os_mutex_lock(&vmm_lock);
	if (list_find(vm->name) == NULL) {
		vm->serial = ++vmm_serial;
		*list_place_of(NULL) = vm_get(vm);
		vmm_listed++;
		error = 0;
	}
	os_mutex_unlock(&vmm_lock);
	return error;
}

static void
list_remove(struct vm *vm)
{
	os_mutex_lock(&vmm_lock);
	*list_place_of(vm) = vm->next;
	vm->next = NULL;
	vmm_listed--;
	os_mutex_unlock(&vmm_lock);
	vm_put(vm);
}

static struct vm *
vm_alloc(const struct vmmctl_vm_create *req)
{
	struct vm *vm = os_zalloc(sizeof(*vm));

	if (vm == NULL)
		return NULL;
	memcpy(vm->name, req->name, strnlen(req->name, VM_MAX_NAMELEN));
	vm->uid = os_uid();
	vm->gid = req->gid;
	vm->refs = 1;
	vm->topo = (struct vm_topology){ 1, VM_MAXCPU, 1, VM_MAXCPU };
	os_mutex_init(&vm->lock, "vmm vm");
	os_mutex_init(&vm->mem_lock, "vmm memory");
	os_work_init(&vm->sweep, vm_sweep_irqs, vm);
	__atomic_add_fetch(&vmm_objects, 1, __ATOMIC_RELAXED);
	return vm;
}

int
vm_create(const struct vmmctl_vm_create *req, struct vm **out)
{
	struct vm *vm;
	int error = create_check(req);

	if (error != 0)
		return error;
	vm = vm_alloc(req);
	if (vm == NULL)
		return -ENOMEM;
	os_mutex_lock(&vm->lock);
	error = arch_vm_init(vm);
	os_mutex_unlock(&vm->lock);
	if (error == 0)
		error = list_insert(vm);
	if (error != 0)
		goto put;
	error = os_vm_node_create(vm);
	if (error != 0) {
		list_remove(vm);
		goto put;
	}
	os_mutex_lock(&vmm_lock);
	vm->ready = true;
	os_mutex_unlock(&vmm_lock);
	*out = vm;
	return 0;
put:
	vm_put(vm);
	return error;
}

static void
vm_free(struct vm *vm)
{
	os_mutex_lock(&vm->lock);
	vm_mem_free(vm);
	for (uint32_t i = 0; i < VM_MAXCPU; i++)
		if (vm->vcpu[i] != NULL)
			vcpu_free(vm->vcpu[i]);
	arch_vm_destroy(vm);
	bind_free(vm);
	os_mutex_unlock(&vm->lock);
	os_mutex_destroy(&vm->mem_lock);
	os_mutex_destroy(&vm->lock);
	os_free(vm);
	__atomic_sub_fetch(&vmm_objects, 1, __ATOMIC_RELEASE);
}

struct vm *
vm_get(struct vm *vm)
{
	__atomic_add_fetch(&vm->refs, 1, __ATOMIC_RELAXED);
	return vm;
}

void
vm_put(struct vm *vm)
{
	/* Release: what we did to it; acquire: what the others did, before it is freed. */
	if (__atomic_sub_fetch(&vm->refs, 1, __ATOMIC_ACQ_REL) == 0)
		vm_free(vm);
}

/* Claim the right to destroy: the flag is set once, and every later call gives ENXIO. */
static int
destroy_begin(const char *name, struct vm **out)
{
	struct vm *vm;
	int error = 0;

	os_mutex_lock(&vmm_lock);
	vm = list_find_ready(name);
	if (vm == NULL)
		error = -ENOENT;
	else if (!vm_is_owner(vm))
		error = -EPERM;
	else if (__atomic_exchange_n(&vm->dying, 1, __ATOMIC_SEQ_CST) != 0)
		error = -ENXIO;
	else
		*out = vm_get(vm);
	os_mutex_unlock(&vmm_lock);
	return error;
}

int
vm_destroy(const char *name)
{
	struct vm *vm;
	int error = vm_name_is_good(name);

	if (error == 0)
		error = destroy_begin(name, &vm);
	if (error != 0)
		return error;
	(void)vm_suspend(vm, VM_SUSPEND_DESTROY, ~0u);
	os_mutex_lock(&vm->lock);
	for (uint32_t i = 0; i < VM_MAXCPU; i++)
		if (vm->vcpu[i] != NULL)
			vcpu_wait_free(vm->vcpu[i]);
	vm_unbind(vm, NULL);
	vm_mem_free(vm);
	os_mutex_unlock(&vm->lock);
	os_vm_node_destroy(vm);
	list_remove(vm);
	vm_put(vm);
	return 0;
}

int
vm_open(const char *name, struct vm **out)
{
	struct vm *vm;
	int error = vm_name_is_good(name);

	if (error != 0)
		return error;
	os_mutex_lock(&vmm_lock);
	vm = list_find_ready(name);
	if (vm == NULL)
		error = -ENOENT;
	else if (!vm_may_use(vm))
		error = -EACCES;
	else if (LOAD_ONCE(vm->dying) != 0)
		error = -ENXIO;
	else
		*out = vm_get(vm);
	os_mutex_unlock(&vmm_lock);
	return error;
}

/* What it bound must not be there for who opens the VM next: a bhyve that was killed closes so. */
void
vm_file_closed(struct vm *vm, const void *file)
{
	os_mutex_lock(&vm->lock);
	vm_unbind(vm, file);
	os_mutex_unlock(&vm->lock);
}

/* ---- VMM_NEXT ---- */

static uint32_t
count_bits(uint64_t set)
{
	uint32_t n = 0;

	for (; set != 0; set &= set - 1)
		n++;
	return n;
}

static void
next_fill(struct vm *vm, struct vmmctl_vm_next *a)
{
	memset(a, 0, sizeof(*a));
	a->cursor = vm->serial;
	memcpy(a->name, vm->name, sizeof(a->name));
	a->uid = vm->uid;
	a->gid = vm->gid;
	a->vcpus = count_bits(LOAD_ONCE(vm->active));
	for (uint32_t i = 0; i < VM_MAXCPU; i++)
		if (vcpu_in_run(vm_made_vcpu(vm, i)))
			a->running = 1;
	os_mutex_lock(&vm->mem_lock);
	a->mem_bytes = vm->mem_pages * PAGE_BYTES;
	os_mutex_unlock(&vm->mem_lock);
}

int
vmm_next(struct vmmctl_vm_next *a)
{
	struct vm *vm;

	os_mutex_lock(&vmm_lock);
	for (vm = vmm_list; vm != NULL; vm = vm->next)
		if (vm->serial > a->cursor && vm->ready && LOAD_ONCE(vm->dying) == 0)
			break;
	if (vm != NULL)
		vm_get(vm);
	os_mutex_unlock(&vmm_lock);
	if (vm == NULL)
		return -ENOENT;
	next_fill(vm, a);
	vm_put(vm);
	return 0;
}

/* ---- suspend and reinit ---- */

/*
 * The first reason stays until VM_REINIT, but for DESTROY, which overrides.  Called by
 * threads in VM_RUN too (PSCI): takes no lock.
 */
int
vm_suspend(struct vm *vm, uint32_t how, uint32_t vcpuid)
{
	uint32_t old = 0;
	uint32_t new = how | (vcpuid < VM_MAXCPU ? vcpuid : SUSPEND_NOBODY) << SUSPEND_WHO;

	if (how <= VM_SUSPEND_NONE || how >= VM_SUSPEND_LAST)
		return -EINVAL;
	while (!__atomic_compare_exchange_n(
	    &vm->suspend, &old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
		if ((old & 0xff) == how)
			return 0;
		if (old != 0 && how != VM_SUSPEND_DESTROY)
			return -EBUSY;
	}
	for (uint32_t i = 0; i < VM_MAXCPU; i++) {
		struct vcpu *vcpu = vm_made_vcpu(vm, i);

		if (vcpu != NULL)
			vcpu_request(vcpu, VCPU_REQ_SUSPEND);
	}
	return 0;
}

void
vm_suspend_why(const struct vm *vm, uint32_t *how, uint32_t *vcpuid)
{
	uint32_t word = __atomic_load_n(&vm->suspend, __ATOMIC_ACQUIRE);

	*how = word & 0xff;
	*vcpuid = word >> SUSPEND_WHO == SUSPEND_NOBODY ? ~0u : word >> SUSPEND_WHO;
}

/* The vGIC went with stage 2, where GICV was mapped: the same one comes back, reset. */
static int
vgic_reattach(struct vm *vm)
{
	int error;

	if (vm->vgic.nirqs == 0)
		return 0;
	error = arch_vm_attach_vgic(vm, &vm->vgic);
	if (error != 0)
		memset(&vm->vgic, 0, sizeof(vm->vgic)); /* to be attached anew */
	return error;
}

/* As VM_CREATE left it, but memory and vGIC stay: vm->lock held and every vCPU. */
int
vm_reinit(struct vm *vm)
{
	int error;

	vm_unbind(vm, NULL);
	arch_vm_reset(vm);
	error = vgic_reattach(vm);
	for (uint32_t i = 0; i < VM_MAXCPU; i++)
		if (vm->vcpu[i] != NULL)
			vcpu_reset(vm->vcpu[i]);
	__atomic_store_n(&vm->active, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&vm->debug, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&vm->suspend, 0, __ATOMIC_RELEASE);
	return error;
}
