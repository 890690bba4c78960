"""
A Python kernel whose cells run at the same time: kernelspec `conkernel`.

It stands on ipykernel and IPython. Start it by `python -m conkernelclient.kernel -f FILE`.
"""
