def write(found): pass
