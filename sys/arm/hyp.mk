# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The bhyve-arm authors
#
# How hyp.o is made: compiled by the kernel's compiler, but with flags of its own (nothing of the
# kernel's configuration - tracing, stack protector, sanitizers - may reach HYP), linked by
# itself, with all symbols but those in hyp.syms made local.  An undefined symbol is an error.
#
# Included by sys/os/linux/Kbuild, which adds hyp.o to vmm-y and says which width it is for.  Its
# objects lie in $(obj)/hyp/.  hyp_cpu.c of that width checks the offsets with the kernel's flags:
# hence the two lines at the end.

hyp-sys := $(src)/../..

include $(src)/../../$(width)/hyp_files.mk

hyp-objs := $(addprefix $(obj)/hyp/,$(addsuffix .o,$(notdir $(hyp-asm) $(hyp-c))))

hyp-includes := -nostdinc -isystem $(shell $(CC) -print-file-name=include) \
	-I$(hyp-sys)/../include -I$(hyp-sys)/core -I$(hyp-sys)/arm -I$(hyp-sys)/$(width) \
	-I$(hyp-sys)/arm/freestanding
hyp-cflags := -DHYP_CODE -std=gnu11 -O2 -g $(hyp-machine) $(hyp-includes) -ffreestanding \
	-fno-builtin \
	-fno-pic -fno-common -fshort-wchar -fno-strict-aliasing -fno-delete-null-pointer-checks \
	-fno-stack-protector -fno-exceptions -fno-unwind-tables -fno-asynchronous-unwind-tables \
	-Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes -Wvla -Werror
hyp-aflags := -g $(hyp-machine) $(hyp-includes) -I$(obj)/hyp -D__ASSEMBLY__

quiet_cmd_hyp_cc = CC [H] $@
      cmd_hyp_cc = mkdir -p $(@D); $(CC) -Wp,-MMD,$(depfile) $(hyp-cflags) -c -o $@ $<
quiet_cmd_hyp_as = AS [H] $@
      cmd_hyp_as = mkdir -p $(@D); $(CC) -Wp,-MMD,$(depfile) $(hyp-aflags) -c -o $@ $<
quiet_cmd_hyp_offsets = OFFSETS $@
      cmd_hyp_offsets = mkdir -p $(@D); $(CC) -Wp,-MMD,$(depfile) $(hyp-cflags) -S -o $@.s $< && \
	sed -n 's/^.*"->\([A-Z0-9_]*\) \([0-9]*\)".*$$/\#define \1 \2/p' $@.s >$@
quiet_cmd_hyp_ld = LD [H]  $@
      cmd_hyp_ld = $(LD) $(KBUILD_LDFLAGS) -r -T $(hyp-sys)/arm/hyp.lds -o $@.all $(hyp-objs) && \
	$(OBJCOPY) --keep-global-symbols=$(hyp-sys)/arm/hyp.syms $@.all $@ && rm -f $@.all && \
	if $(NM) -u $@ | grep . >&2; then \
	echo "hyp.o: undefined symbols (above)" >&2; rm -f $@; false; fi$(hyp-check)

$(obj)/hyp/hyp_offsets.h: $(hyp-sys)/$(width)/offsets.c FORCE
	$(call if_changed_dep,hyp_offsets)

define hyp-c-rule
$(obj)/hyp/$(notdir $(1)).o: $(hyp-sys)/$(1).c FORCE
	$$(call if_changed_dep,hyp_cc)
endef
define hyp-asm-rule
$(obj)/hyp/$(notdir $(1)).o: $(hyp-sys)/$(1).S $(obj)/hyp/hyp_offsets.h FORCE
	$$(call if_changed_dep,hyp_as)
endef
$(foreach f,$(hyp-c),$(eval $(call hyp-c-rule,$(f))))
$(foreach f,$(hyp-asm),$(eval $(call hyp-asm-rule,$(f))))

$(obj)/hyp.o: $(hyp-objs) $(hyp-sys)/arm/hyp.lds $(hyp-sys)/arm/hyp.syms FORCE
	$(call if_changed,hyp_ld)

targets += hyp.o hyp/hyp_offsets.h $(patsubst $(obj)/%,%,$(hyp-objs))

$(obj)/../../$(width)/hyp_cpu.o: $(obj)/hyp/hyp_offsets.h
CFLAGS_../../$(width)/hyp_cpu.o += -I$(obj)/hyp
